import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";

import { afterAll, beforeAll, expect, test } from "vitest";

import { writeCredentials } from "../../src/tenants/credentials-file.ts";
import { cliPath, runCli } from "../support/run-cli.ts";
import type { CliRun } from "../support/run-cli.ts";
import { answerWith, refuseWith, startScriptedGateway } from "../support/scripted-gateway.ts";
import type { GatewayScript, ScriptedGateway } from "../support/scripted-gateway.ts";
import { tempFolder } from "../support/temp-folder.ts";

let folder: Awaited<ReturnType<typeof tempFolder>>;
let gateway: ScriptedGateway;
let script: GatewayScript;

const key = "sk-sentinel-of-the-environment";

beforeAll(async () => {
  folder = await tempFolder();
  gateway = await startScriptedGateway((seen, response) => script(seen, response));
});

afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await folder[Symbol.asyncDispose]();
});

const environment = (): Record<string, string> => ({
  SENTINEL_URL: gateway.url,
  SENTINEL_API_KEY: key,
  SENTINEL_ADMIN_TOKEN: "the-admin-token-of-it",
});

const run = (...args: string[]): Promise<CliRun> =>
  runCli(["cache", ...args], { cwd: folder.path, env: environment() });

async function fileOf(name: string, ...lines: readonly string[]): Promise<string> {
  const path = join(folder.path, name);
  await writeFile(path, lines.map((line) => `${line}\n`).join(""));
  return path;
}

const seenSince = (start: number) => gateway.seen.slice(start);

test("warm sends what the file says, says what became of it, and what it cost", async () => {
  script = ({ body }, response) => {
    const isKnown = body.includes("known");
    answerWith(response, isKnown ? "exact" : "miss", { usd: isKnown ? "0.000000000" : "0.0125" });
  };
  const body = '{"messages": [{"role":"user","content":"known"}], "model":"gpt-5","temperature":0}';
  const file = await fileOf(
    "requests.jsonl",
    body,
    `{"custom_id":"a","method":"POST","url":"/v1/messages","body":{"model":"claude","max_tokens":5,"messages":[{"role":"user","content":"b"}]}}`,
    "",
    '{"prompt":"c"}',
    "plain",
  );
  const before = gateway.seen.length;
  const warmed = await run(
    ...["warm", file, "--model", "gpt-5", "--ttl", "600", "--tags", "source=warm"],
    ...["--header", "anthropic-beta: x", "--header", "x-sentinel-provider: main"],
  );
  expect(warmed).toMatchObject({ code: 0, stderr: "" });
  expect(warmed.stdout).toMatch(
    /^LINES +STORED NOW +THERE ALREADY +NOT CACHEABLE +FAILED +COST\n +4 +3 +1 +0 +0 +\$0\.0375\n$/,
  );
  const seen = seenSince(before);
  expect(seen.map(({ path }) => path).toSorted()).toEqual([
    "/v1/chat/completions",
    "/v1/chat/completions",
    "/v1/chat/completions",
    "/v1/messages",
  ]);
  expect(seen.map((one) => one.body)).toContain(body);
  for (const { headers, path } of seen) {
    expect(headers).toMatchObject({
      authorization: `Bearer ${key}`,
      "x-sentinel-cache": "on",
      "x-sentinel-cache-ttl": "600",
      "x-sentinel-tags": "source=warm",
      "anthropic-beta": "x",
      "x-sentinel-provider": "main",
    });
    expect(headers["anthropic-version"]).toBe(path === "/v1/messages" ? "2023-06-01" : undefined);
  }
});

test("warm reads stdin, asks anew with --refresh, and prints JSON", async () => {
  script = (_seen, response) => {
    answerWith(response, "miss", { usd: "0.000000001", status: "estimated" });
  };
  const before = gateway.seen.length;
  const warmed = await runCli(
    ["cache", "warm", "-", "--model", "m", "--refresh", "--key", "sk-other-key", "--json"],
    { cwd: folder.path, env: environment(), stdin: "a\nb\n" },
  );
  expect(warmed).toMatchObject({ code: 0, stderr: "" });
  expect(warmed.json()).toEqual({
    ended: "finished",
    reason: null,
    lines: 2,
    stored: 2,
    already_there: { exact: 0, semantic: 0 },
    not_cacheable: { sent: 0, not_sent: 0 },
    failed: 0,
    cost_usd: "0.000000002",
    cost_estimated: 2,
    cost_unpriced: 0,
    cost_unknown: 0,
    failures: [],
  });
  for (const { headers } of seenSince(before)) {
    expect(headers).toMatchObject({
      authorization: "Bearer sk-other-key",
      "x-sentinel-cache": "refresh",
    });
    expect(headers["x-sentinel-cache-ttl"]).toBeUndefined();
  }
});

test("warm exits with 1 where a line failed, and shows no prompt", async () => {
  script = ({ body }, response) => {
    if (body.includes("salary")) {
      refuseWith(response, 404, { code: "model_not_found", message: "salary", param: "model" });
    } else answerWith(response, "miss");
  };
  const file = await fileOf("failing.txt", "a", "my salary is 7", "{broken salary");
  const failed = await run("warm", file, "--model", "m", "--concurrency", "1");
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/\n +3 +1 +0 +0 +2 +\$/);
  expect(failed.stderr).toMatch(
    /^line 2 failed with 404 model_not_found \(param model, request 01KC2J9M4T0{16}\)\nline 3 begins with a brace .*\n2 of 3 lines failed\.\n$/,
  );
  expect(failed.stderr + failed.stdout).not.toContain("salary");
});

test("warm stops at a budget that is spent, and says how far it came", async () => {
  script = ({ body }, response) => {
    if (!body.includes("prompt 3")) answerWith(response, "miss");
    else {
      const message = "The month's budget of $5 is spent; it resets on 2026-12-01.";
      refuseWith(response, 429, { type: "insufficient_quota", code: "budget_exceeded", message });
    }
  };
  const lines = Array.from({ length: 50 }, (_, at) => `prompt ${at + 1}`);
  const file = await fileOf("many.txt", ...lines);
  const stopped = await run("warm", file, "--model", "m", "--concurrency", "1");
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain("1 of 3 lines failed. Stopped after 3 lines");
  expect(stopped.stderr).toContain("it resets on 2026-12-01");
});

test("Ctrl-C while warming lets finish what runs, prints the sums and exits with 1", async () => {
  const running: (() => void)[] = [];
  const asked = new Promise<void>((resolve) => {
    script = (_seen, response) => {
      running.push(() => {
        answerWith(response, "miss");
      });
      if (running.length === 4) resolve();
    };
  });
  const child = spawn(process.execPath, [cliPath, "cache", "warm", "-", "--model", "m"], {
    cwd: folder.path,
    env: { PATH: process.env["PATH"], ...environment() },
    stdio: ["pipe", "pipe", "pipe"],
  });
  // More may come: stdin stays open.
  child.stdin.write("a\nb\nc\nd\ne\nf\n");
  child.stdin.on("error", () => undefined);
  const stdout = text(child.stdout);
  const stderr: string[] = [];
  const noted = new Promise<void>((resolve) => {
    child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
      stderr.push(chunk);
      if (stderr.join("").includes("Stopping")) resolve();
    });
  });
  await asked;
  child.kill("SIGINT");
  await noted;
  for (const finish of running) finish();
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(1);
  expect(await stdout).toMatch(/\n +4 +4 +0 +0 +0 +\$0\.0004\n$/);
  expect(stderr.join("")).toContain("Interrupted after 4 lines; the others were not sent.");
});

test("a dry run names the lines that are wrong, and sends nothing", async () => {
  const before = gateway.seen.length;
  const chat = '{"model":"m","messages":[{"role":"user","content":"zebra"}]';
  const file = await fileOf(
    "mixed.jsonl",
    `${chat}}`,
    `${chat},"n":3}`,
    `${chat},"temperature":9}`,
    '{"model":"zebra","input":"zebra"}',
    '{"url":"/v1/embeddings","body":{"model":"m","input":"zebra"}}',
  );
  const checked = await runCli(["cache", "warm", file, "--dry-run"], { cwd: folder.path });
  expect(checked.code).toBe(1);
  expect(checked.stdout).toBe(
    "5 lines: 1 to /v1/chat/completions, 1 to /v1/embeddings; 1 would not be cached; 2 with problems.\n",
  );
  expect(checked.stderr).toMatch(
    /^line 2 would not be cached: several_answers\nline 3 is not right: 'temperature' must be at most 2\nline 4 has an input.*\n2 lines have problems\.\n$/,
  );
  const json = await run("warm", file, "--dry-run", "--json");
  expect(json.json()).toMatchObject({
    lines: 5,
    problems: 2,
    uncacheable: 1,
    findings: [{ line: 2 }, { line: 3 }, { line: 4 }],
  });
  expect(checked.stderr + json.stdout).not.toContain("zebra");
  expect(gateway.seen.length).toBe(before);
});

test("the key is the environment's, the preset one, or that of the data directory", async () => {
  script = (_seen, response) => {
    answerWith(response, "miss");
  };
  const dataDir = join(folder.path, "data");
  const { SENTINEL_URL = "" } = environment();
  const warmWith = async (env: Record<string, string>): Promise<CliRun> =>
    runCli(["cache", "warm", "-", "--model", "m"], {
      cwd: folder.path,
      env: { SENTINEL_URL, SENTINEL_DATA_DIR: dataDir, ...env },
      stdin: "a\n",
    });
  const without = await warmWith({});
  expect(without).toMatchObject({ code: 1, stdout: "" });
  expect(without.stderr).toContain("There is no key to ask with");

  await writeCredentials(dataDir, { adminToken: "an-admin-token-of-it", apiKey: "sk-of-the-file" });
  const keys = async (env: Record<string, string>): Promise<string | undefined> => {
    const before = gateway.seen.length;
    expect((await warmWith(env)).code).toBe(0);
    return seenSince(before)[0]?.headers.authorization;
  };
  expect(await keys({})).toBe("Bearer sk-of-the-file");
  expect(await keys({ SENTINEL_DEFAULT_KEY: "sk-preset-0123456" })).toBe(
    "Bearer sk-preset-0123456",
  );
  const both = { SENTINEL_DEFAULT_KEY: "sk-preset-0123456", SENTINEL_API_KEY: key };
  expect(await keys(both)).toBe(`Bearer ${key}`);
});

test("purge says what to forget in the words of the API, and how much that was", async () => {
  script = (_seen, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        object: "cache.purge",
        tenant: "team-a",
        purged: { exact: 1_234, semantic: 1 },
      }),
    );
  };
  const before = gateway.seen.length;
  const purged = await run(
    ...["purge", "--tenant", "team-a", "--model", "gpt-5", "--tag", "team=a"],
  );
  expect(purged).toMatchObject({
    code: 0,
    stderr: "",
    stdout: "1,234 answers of team-a forgotten, and 1 entry of the semantic tier.\n",
  });
  const all = await run("purge", "--all", "--json");
  expect(all.json()).toMatchObject({ purged: { exact: 1_234 } });
  const id = "01KC2J9M4T0000000000000000";
  expect((await run("purge", "--request-id", id)).code).toBe(0);
  const bodies = seenSince(before).map(({ path, body }) => [path, JSON.parse(body) as unknown]);
  expect(bodies).toEqual([
    ["/admin/v1/cache/purge", { tenant: "team-a", model: "gpt-5", tag: "team=a" }],
    ["/admin/v1/cache/purge", { tenant: "default", all: true }],
    ["/admin/v1/cache/purge", { tenant: "default", request_id: id }],
  ]);
});

test("status shows every fact, by its path", async () => {
  script = (_seen, response) => {
    response.writeHead(200, { "content-type": "application/json" });
    response.end(
      JSON.stringify({
        object: "cache.status",
        tenant: "team-a",
        is_on: true,
        rules: { ttl_seconds: 3_600, semantic: { mode: "shadow", guards_off: [] } },
        semantic: null,
      }),
    );
  };
  const shown = await run("status", "--tenant", "team-a");
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  expect(shown.stdout.trimEnd().split(/ *\n/)).toEqual([
    "WHAT                       VALUE",
    "tenant                     team-a",
    "is_on                      true",
    "rules.ttl_seconds          3600",
    "rules.semantic.mode        shadow",
    "rules.semantic.guards_off  none",
    "semantic                   not running",
  ]);
});

test.each([
  [["warm"], 2, "missing required argument"],
  [["warm", "f", "--concurrency", "0"], 2, "1 or more"],
  [["warm", "f", "--endpoint", "/v1/moderations"], 2, "It must be one of"],
  [["warm", "f", "--tags", "x"], 2, "It must be tags"],
  [["warm", "f", "--header", "x-api-key: a"], 2, "cannot be given here"],
  [["warm", "nowhere.txt"], 1, "nowhere.txt does not exist."],
  [["warm", "nowhere.txt", "--dry-run"], 1, "nowhere.txt does not exist."],
  [["warm", "."], 1, ". cannot be read (EISDIR)."],
] as const)("cache %j ends with %d and says why on stderr", async (args, code, why) => {
  const ended = await run(...args);
  expect(ended).toMatchObject({ code, stdout: "" });
  expect(ended.stderr).toContain(why);
  expect(ended.stderr).not.toContain("    at ");
});

test("a gateway that is not there is said to be that", async () => {
  const ended = await runCli(["cache", "warm", "-", "--model", "m"], {
    cwd: folder.path,
    env: { ...environment(), SENTINEL_URL: "http://127.0.0.1:9" },
    stdin: "a\nb\n",
  });
  expect(ended).toMatchObject({ code: 1, stdout: "" });
  expect(ended.stderr).toContain("http://127.0.0.1:9 cannot be reached.");
});
