import { copyFile, mkdir, readdir, rm, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { runCli } from "../support/run-cli.ts";
import { chatChunk, startScriptedUpstream } from "../support/scripted-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";

interface Audit {
  readonly data: readonly { readonly stream: boolean; readonly outcome: string }[];
}

const chat = (
  { url, apiKey }: SentinelProcess,
  model: string,
  stream: boolean,
): Promise<Response> =>
  fetch(`${url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ model, stream, messages: [{ role: "user", content: "Hi" }] }),
  });

async function ask(sentinel: SentinelProcess, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) {
    const response = await chat(sentinel, "demo", false);
    expect(response.status).toBe(200);
    await response.text();
  }
}

async function read({ url, adminToken }: SentinelProcess, path: string): Promise<unknown> {
  const headers = { authorization: `Bearer ${adminToken}` };
  return (await fetch(`${url}${path}`, { headers })).json();
}

const auditOf = async (sentinel: SentinelProcess): Promise<Audit["data"]> =>
  ((await read(sentinel, "/v1/audit?tenant=default")) as Audit).data;

test("an audit folder that is deleted while nothing runs is back after the start, and /health tells of it", async () => {
  await using folder = await tempFolder();
  for (const count of [2, 3]) {
    await using sentinel = await startSentinel({ folder: folder.path });
    await ask(sentinel, count);
    await sentinel.stop();
  }
  await rm(join(folder.path, "data", "audit"), { recursive: true });
  const verified = await runCli(["audit", "verify"], { cwd: folder.path });
  expect(verified).toMatchObject({ code: 1 });
  expect(verified.stderr).toContain("are gone with all their records");

  await using sentinel = await startSentinel({ folder: folder.path });
  expect(await auditOf(sentinel)).toHaveLength(5);
  expect(await read(sentinel, "/v1/usage?tenant=default&group_by=model")).toMatchObject({
    totals: { requests: 5 },
  });
  const degraded = { name: "shared_data", state: "degraded" };
  const detail: unknown = expect.stringContaining("comes from a backup");
  expect(await read(sentinel, "/health")).toMatchObject({
    parts: expect.arrayContaining([expect.objectContaining({ ...degraded, detail })]) as unknown,
  });
  expect((await runCli(["audit", "verify"], { cwd: folder.path })).code).toBe(0);
});

test("after SIGTERM the databases are whole without the logs beside them", async () => {
  await using sentinel = await startSentinel();
  await ask(sentinel, 3);
  // Whoever reads has the files open when they are closed.
  expect(await auditOf(sentinel)).toHaveLength(3);
  expect(await sentinel.stop()).toMatchObject({ code: 0 });

  const folders = [sentinel.dataDir, join(sentinel.dataDir, "audit")];
  const copies = join(dirname(sentinel.dataDir), "copies");
  await mkdir(copies);
  for (const folder of folders) {
    for (const name of await readdir(folder)) {
      const path = join(folder, name);
      if (name.endsWith("-wal")) expect((await stat(path)).size, name).toBe(0);
      if (name.endsWith(".db")) await copyFile(path, join(copies, name));
    }
  }
  const audit = (await readdir(copies)).find((name) => name.startsWith("audit-")) ?? "";
  const count = (name: string, sql: string): unknown => {
    using database = new DatabaseSync(join(copies, name));
    return Object.values(database.prepare(sql).get() ?? {})[0];
  };
  expect(count(audit, "SELECT count(*) FROM records")).toBe(3);
  expect(count("ledger.db", "SELECT sum(requests) FROM usage_days")).toBe(3);
  expect(count("chain.db", "SELECT count(*) FROM days")).toBe(1);
  expect(count("meta.db", "SELECT count(*) FROM tenants")).toBe(1);
});

test.for([true, false])(
  "a request with stream: %s that was cut by a kill is recorded as that",
  async (stream) => {
    await using folder = await tempFolder();
    await using upstream = await startScriptedUpstream();
    upstream.listModels(["m"]);
    const asked = Promise.withResolvers<undefined>();
    upstream.answer(async (response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(chatChunk({ content: "first" }));
      asked.resolve(undefined);
      await new Promise((resolve) => response.once("close", resolve));
    });
    const env = { OPENAI_BASE_URL: upstream.baseUrl, OPENAI_API_KEY: "sk-upstream" };
    const options = { folder: folder.path, env };
    {
      await using sentinel = await startSentinel(options);
      const answer = chat(sentinel, "m", stream).catch(() => undefined);
      await asked.promise;
      sentinel.kill("SIGKILL");
      await sentinel.exit;
      await (await answer)?.text().catch(() => undefined);
    }
    await using sentinel = await startSentinel(options);
    expect(await auditOf(sentinel)).toMatchObject([{ outcome: "interrupted", stream }]);
  },
);
