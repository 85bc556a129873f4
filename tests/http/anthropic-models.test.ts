import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { expect, test } from "vitest";

import { listModels } from "../../src/providers/anthropic/list-models.ts";
import { openPools } from "../../src/providers/transport/pools.ts";

/** The models that a server lists, which answers each request with the next of these. */
async function listedBy(
  pages: readonly (readonly [status: number, body: string])[],
): Promise<{ models: Promise<readonly unknown[]>; asked: string[]; close: () => Promise<void> }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const [status, body] = pages[asked.length] ?? pages.at(-1) ?? [500, ""];
    asked.push(`${request.url ?? ""} ${String(request.headers["anthropic-version"])}`);
    response.writeHead(status).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const pools = openPools({ origin, connectMs: 1_000, keepAliveMs: 1_000 });
  const options = { name: "claude", apiKeys: ["sk-ant"], headers: {}, forwardHeaders: [], pools };
  const models = listModels({ ...options, baseUrl: `${origin}/v1` }, AbortSignal.timeout(5_000));
  models.catch(() => undefined); // Each test hears of it when it waits.
  const close = async (): Promise<void> => {
    await pools.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { models, asked, close };
}

const page = (ids: readonly string[], hasMore: boolean): readonly [number, string] => [
  200,
  JSON.stringify({
    data: ids.map((id) => ({
      type: "model",
      id,
      display_name: `Name of ${id}`,
      created_at: "2025-09-29T00:00:00Z",
    })),
    has_more: hasMore,
    first_id: ids[0] ?? null,
    last_id: ids.at(-1) ?? null,
  }),
];

test("all pages of the list are read, in OpenAI's form", async () => {
  const { models, asked, close } = await listedBy([
    page(["claude-a", "b/c"], true),
    page(["d"], false),
  ]);
  expect(await models).toEqual(
    ["claude-a", "b/c", "d"].map((id) => ({
      id,
      object: "model",
      created: 1_759_104_000,
      owned_by: "anthropic",
      display_name: `Name of ${id}`,
    })),
  );
  expect(asked).toEqual([
    "/v1/models?limit=1000 2023-06-01",
    "/v1/models?limit=1000&after_id=b%2Fc 2023-06-01",
  ]);
  await close();
});

test("a list that never ends is read for so long and no longer", async () => {
  let count = 0;
  const endless = Array.from({ length: 50 }, () => page([`m${count++}`], true));
  const { models, asked, close } = await listedBy(endless);
  expect((await models).length).toBe(10);
  expect(asked).toHaveLength(10);
  await close();
});

test("a list that repeats itself is read twice at most", async () => {
  const { models, asked, close } = await listedBy([page(["a"], true)]);
  await models;
  expect(asked.length).toBeLessThanOrEqual(2);
  await close();
});

test.each([
  [401, JSON.stringify({ type: "error", error: { type: "authentication_error", message: "x" } })],
  [200, "<html>"],
  [200, "{}"],
])("status %i with %s is no list", async (status, body) => {
  const { models, close } = await listedBy([[status, body]]);
  await expect(models).rejects.toMatchObject({ kind: "upstream_error" });
  await close();
});
