import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliRun } from "../support/run-cli.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import type { ScriptedUpstream } from "../support/scripted-upstream.ts";

let upstream: ScriptedUpstream;
let sentinel: SentinelProcess;
let run: (args: readonly string[], env?: Readonly<Record<string, string>>) => Promise<CliRun>;

const usage = { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 };

beforeAll(async () => {
  upstream = await startScriptedUpstream((response, request, socket) => {
    const { messages } = request.json as { messages: { content: string }[] };
    const question = messages.at(-1)?.content ?? "";
    const said = completion(`You asked: ${question}`, { model: "gpt-4o-2024-08-06", usage });
    return whole(said)(response, request, socket);
  });
  upstream.listModels(["gpt-4o"]);
  const yaml = `providers:\n  openai: { type: openai, base_url: "${upstream.baseUrl}", api_keys: ["sk-upstream-key-0001"] }\n`;
  sentinel = await startSentinel({ yaml });
  run = (args, env = {}) => runCli(args, { cwd: dirname(sentinel.dataDir), env });
});

afterAll(async () => {
  await sentinel[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

/** As an app asks, without a word about the cache. */
async function ask(question: string, more: object = {}, key = sentinel.apiKey): Promise<Response> {
  const response = await fetch(`${sentinel.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({
      temperature: 0,
      ...more,
      messages: [{ content: question, role: "user" }],
      model: "gpt-4o",
    }),
  });
  expect(response.status).toBe(200);
  return response;
}

const cacheOf = async (question: string, more: object = {}, key?: string) => {
  const response = await ask(question, more, key);
  const text = await response.text();
  expect(text).toContain(`You asked: ${question}`);
  return response.headers.get("x-sentinel-cache");
};

async function prompts(name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(dirname(sentinel.dataDir), name);
  await writeFile(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

test("what was warmed is there for the app: whole, streamed, and until it is purged", async () => {
  const file = await prompts(
    "warm.txt",
    "What is warm?",
    '{"prompt":"What is hot?"}',
    JSON.stringify({
      url: "/v1/chat/completions",
      body: {
        model: "gpt-4o",
        messages: [{ role: "user", content: "What is mild?" }],
        temperature: 0,
        max_tokens: 7,
      },
    }),
  );
  upstream.forget();
  const first = await run(["cache", "warm", file, "--model", "gpt-4o", "--json"]);
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expect(first.json()).toMatchObject({
    lines: 3,
    stored: 3,
    already_there: { exact: 0 },
    cost_unpriced: 0,
  });
  expect(upstream.seen).toHaveLength(3);
  const again = await run(["cache", "warm", file, "--model", "gpt-4o", "--json"]);
  expect(again.json()).toMatchObject({
    stored: 0,
    already_there: { exact: 3 },
    cost_usd: "0.000000000",
  });

  expect(await cacheOf("What is warm?")).toBe("exact");
  expect(await cacheOf("What is mild?", { max_tokens: 7, user: "somebody" })).toBe("exact");
  const streamed = await ask("What is hot?", { stream: true });
  expect(streamed.headers.get("x-sentinel-cache")).toBe("exact");
  await streamed.text();
  expect(upstream.seen).toHaveLength(3);

  const purged = await run(["cache", "purge", "--model", "gpt-4o", "--json"]);
  expect(purged.json()).toMatchObject({ tenant: "default", purged: { exact: 3, semantic: 0 } });
  expect(await cacheOf("What is warm?")).toBe("miss");
});

test("what was warmed costs in the ledger what the command said", async () => {
  await run(["tenants", "create", "Costs", "--id", "costs"]);
  const key = (await run(["keys", "create", "k", "--tenant", "costs"])).stdout.trim();
  const file = await prompts("costs.txt", ...Array.from({ length: 25 }, (_, at) => `Cost ${at}?`));
  const args = ["cache", "warm", file, "--model", "gpt-4o", "--json"];
  const warmed = await run(args, { SENTINEL_API_KEY: key });
  expect(warmed.json()).toMatchObject({ stored: 25, failed: 0 });
  const used = (await run(["usage", "--tenant", "costs", "--json"])).json();
  expect(used["totals"]).toMatchObject({
    requests: 25,
    cost_usd: warmed.json()["cost_usd"],
  });
});

test("one tenant's warmed answers are nobody else's, and purging one leaves the other's", async () => {
  const keys: string[] = [];
  for (const id of ["left", "right"]) {
    await run(["tenants", "create", id, "--id", id]);
    keys.push((await run(["keys", "create", "k", "--tenant", id])).stdout.trim());
  }
  const [left = "", right = ""] = keys;
  const file = await prompts("own.txt", "Whose is it?");
  const args = ["cache", "warm", file, "--model", "gpt-4o", "--tags", "source=warm"];
  expect((await run(args, { SENTINEL_API_KEY: left })).code).toBe(0);
  expect(await cacheOf("Whose is it?", {}, right)).toBe("miss");
  expect(await cacheOf("Whose is it?", {}, left)).toBe("exact");

  const others = await run(["cache", "purge", "--tenant", "right", "--tag", "source=warm"]);
  expect(others.stdout).toBe("0 answers of right forgotten.\n");
  expect(await cacheOf("Whose is it?", {}, left)).toBe("exact");
  const own = await run(["cache", "purge", "--tenant", "left", "--tag", "source=warm"]);
  expect(own.stdout).toBe("1 answer of left forgotten.\n");
  expect(await cacheOf("Whose is it?", {}, left)).toBe("miss");
  expect(await cacheOf("Whose is it?", {}, right)).toBe("exact");

  const nothing = await run(["cache", "purge", "--tenant", "right"]);
  expect(nothing).toMatchObject({ code: 1, stdout: "" });
  expect(nothing.stderr).toContain("Say what to forget");
});

test("warming with a cache that the policy has off stops before much is paid for", async () => {
  await run(["tenants", "create", "Off", "--id", "off", "--policy", '{"cache":{"enabled":false}}']);
  const key = (await run(["keys", "create", "k", "--tenant", "off"])).stdout.trim();
  const file = await prompts("off.txt", ...Array.from({ length: 200 }, (_, at) => `Off ${at}?`));
  upstream.forget();
  const args = ["cache", "warm", file, "--model", "gpt-4o"];
  const stopped = await run(args, { SENTINEL_API_KEY: key });
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain("went past the cache");
  expect(upstream.seen.length).toBeLessThan(30);

  const status = await run(["cache", "status", "--tenant", "off"]);
  expect(status.stdout).toMatch(/rules\.enabled +false\n/);
});

test("a limit of requests per minute slows warming down, and fails no line", async () => {
  await run(["tenants", "create", "Slow", "--id", "slow", "--rpm", "600"]);
  const key = (await run(["keys", "create", "k", "--tenant", "slow", "--concurrent", "2"])).stdout;
  const file = await prompts("slow.txt", ...Array.from({ length: 12 }, (_, at) => `Slow ${at}?`));
  const args = ["cache", "warm", file, "--model", "gpt-4o", "--concurrency", "6", "--json"];
  const warmed = await run(args, { SENTINEL_API_KEY: key.trim() });
  expect(warmed.json()).toMatchObject({ ended: "finished", stored: 12, failed: 0 });
});
