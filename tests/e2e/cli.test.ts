import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname } from "node:path";

import { afterAll, beforeAll, expect, test } from "vitest";

import { startSentinel } from "../support/process.ts";
import type { SentinelProcess } from "../support/process.ts";
import { runCli } from "../support/run-cli.ts";
import type { CliRun } from "../support/run-cli.ts";
import { completion, startScriptedUpstream, whole } from "../support/scripted-upstream.ts";
import type { ScriptedUpstream } from "../support/scripted-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";

let upstream: ScriptedUpstream;
let sentinel: SentinelProcess;
/** With no word of where the gateway is: it is found by the data directory. */
let run: (...args: string[]) => Promise<CliRun>;

const usage = { prompt_tokens: 1_000, completion_tokens: 500, total_tokens: 1_500 };

beforeAll(async () => {
  upstream = await startScriptedUpstream(
    whole(completion("Hello!", { model: "gpt-4o-2024-08-06", usage })),
  );
  upstream.listModels(["gpt-4o"]);
  const yaml = `providers:\n  openai: { type: openai, base_url: "${upstream.baseUrl}", api_keys: ["sk-upstream-key-0001"] }\n`;
  sentinel = await startSentinel({ yaml });
  run = (...args) => runCli(args, { cwd: dirname(sentinel.dataDir) });
});

afterAll(async () => {
  await sentinel[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
});

async function ask(key: string, model = "gpt-4o", fields: object = {}): Promise<Response> {
  const response = await fetch(`${sentinel.url}/v1/chat/completions`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content: "Hi" }], ...fields }),
  });
  await response.text();
  return response;
}

test("a tenant and its key are made, limited, used, changed and ended from the command line", async () => {
  const made = await run("tenants", "create", "Team A", "--id", "team-a", "--budget", "month:5");
  expect(made).toMatchObject({ code: 0, stderr: "" });
  expect(made.stdout).toContain("$5/month");

  const created = await run("keys", "create", "ci", "--tenant", "team-a", "--rpm", "2");
  expect(created.stderr).toContain("Shown this once.");
  const key = created.stdout.trim();
  expect(key).toMatch(/^sk-sentinel-/);
  expect((await ask(key)).status).toBe(200);

  const [listed] = (await run("keys", "list", "--tenant", "team-a", "--json")).rows();
  const id = String(listed?.["id"]);
  expect((await run("keys", "update", id, "--models", "o3")).stdout).toContain("2 rpm, o3");
  expect((await ask(key)).status).toBe(403);

  const rotated = await run("keys", "rotate", id, "--grace-seconds", "0");
  expect(rotated.stdout.trim()).not.toBe(key);
  const successor = rotated.stderr.match(/id is (\w+)/)?.[1] ?? "";
  expect((await run("keys", "revoke", successor)).stdout).toContain("revoked");
  expect((await ask(rotated.stdout.trim())).status).toBe(401);

  const refused = await run("tenants", "delete", "team-a");
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toContain("--yes");
  expect((await run("tenants", "delete", "team-a", "--yes")).code).toBe(0);
  expect((await run("tenants", "show", "team-a")).code).toBe(1);
});

test("usage, records and reconciliation agree on what was used", async () => {
  await run("tenants", "create", "Reports", "--id", "reports");
  const key = (await run("keys", "create", "k", "--tenant", "reports")).stdout.trim();
  const ids = [];
  for (let count = 0; count < 3; count++) {
    ids.push((await ask(key)).headers.get("x-request-id") ?? "");
  }

  const used = (await run("usage", "--tenant", "reports", "--json")).json();
  expect(used).toMatchObject({
    totals: { requests: 3, input_tokens: 3_000, output_tokens: 1_500 },
  });
  const shown = await run("usage", "--tenant", "reports", "--group-by", "model");
  expect(shown.stdout).toMatch(
    /MODEL +REQUESTS +INPUT +OUTPUT +COST\ngpt-4o +3 +3,000 +1,500 +\$0\.\d+\nTOTAL/,
  );

  const records = (await run("audit", "list", "--tenant", "reports", "--json")).rows();
  expect(records.map((record) => record["id"])).toEqual(ids.toReversed());
  expect(
    (await run("audit", "list", "--tenant", "reports", "--limit", "2")).stdout.trim().split("\n"),
  ).toHaveLength(3);
  const record = await run("audit", "show", ids[0] ?? "", "--tenant", "reports");
  expect(record.stdout).toContain("1000 in (0 cached), 500 out");
  expect((await run("audit", "show", ids[0] ?? "")).stderr).toContain("no such record");
  const exported = await run("audit", "export", "--tenant", "reports", "--model", "gpt-4o");
  expect(
    exported.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as { id: string }).id),
  ).toEqual(ids.toReversed());

  const day = String(records[0]?.["started_at"]).slice(0, 10);
  const reconcile = (input: number, ...args: string[]) =>
    runCli(["reconcile", "-", "--provider", "openai", "--tenant", "reports", ...args], {
      cwd: dirname(sentinel.dataDir),
      stdin: `day,model,requests,input_tokens,output_tokens\n${day},gpt-4o-2024-08-06,3,${input},1500\n`,
    });
  const agreed = await reconcile(3_000);
  expect(agreed.code).toBe(0);
  expect(agreed.stdout).toContain("3,000");
  expect(agreed.stderr).toContain("agree within 1.00%");
  const drifted = await reconcile(3_300, "--json");
  expect(drifted.code).toBe(1);
  expect(drifted.json()).toMatchObject({
    drifting_rows: 1,
    rows: [{ verdict: "drift", drift_percent: { input_tokens: -9.09 } }],
  });
  expect(drifted.stderr).toContain("1 of 1 rows drift");
  expect((await reconcile(3_300, "--tolerance", "10")).code).toBe(0);
});

test("what the cache saved is in the table, in the record's explanation, and in no reconciliation", async () => {
  await run("tenants", "create", "Savers", "--id", "savers");
  const key = (await run("keys", "create", "k", "--tenant", "savers")).stdout.trim();
  const ids = [];
  for (let count = 0; count < 3; count++) {
    const answer = await ask(key, "gpt-4o", { temperature: 0 });
    ids.push(answer.headers.get("x-request-id") ?? "");
  }
  const shown = await run("usage", "--tenant", "savers", "--group-by", "model");
  expect(shown.stdout).toMatch(
    /COST +CACHE HITS +SAVED +SAVED INPUT +SAVED OUTPUT\ngpt-4o +3 +1,000 +500 +\$0\.\d+ +2 +\$0\.\d+ +2,000 +1,000\nTOTAL/,
  );
  const hit = await run("audit", "show", ids[1] ?? "", "--tenant", "savers");
  expect(hit.stdout).toMatch(
    new RegExp(
      `Cache +exact: the answer to ${ids[0]}; saved \\$0\\.\\d+, tokens 1,000 in and 500 out`,
    ),
  );
  expect(hit.stdout).toMatch(/Cost +\$0, exact; no provider was asked/);
  const [asked] = (await run("audit", "list", "--tenant", "savers", "--json")).rows();
  const day = String(asked?.["started_at"]).slice(0, 10);
  const reconciled = await runCli(
    ["reconcile", "-", "--provider", "openai", "--tenant", "savers"],
    {
      cwd: dirname(sentinel.dataDir),
      stdin: `day,model,requests,input_tokens,output_tokens\n${day},gpt-4o-2024-08-06,1,1000,500\n`,
    },
  );
  expect(reconciled).toMatchObject({ code: 0 });
});

test("a price that is set applies to the next request, until it is deleted", async () => {
  const cost = async (): Promise<string> => {
    const id = (await ask(sentinel.apiKey)).headers.get("x-request-id") ?? "";
    return String((await run("audit", "show", id, "--json")).json()["cost_usd"]);
  };
  const before = await cost();
  const set = await run("prices", "set", "openai", "gpt-4o*", "--input", "1", "--output", "2");
  expect(set.stdout).toContain("$1.0000");
  expect(await cost()).toBe("0.002000000");
  expect((await run("prices", "list")).stdout).toContain("gpt-4o*");
  expect((await run("prices", "delete", "openai", "gpt-4o*")).code).toBe(0);
  expect(await cost()).toBe(before);
});

test("the doctor finds a running gateway and an accepted key, and asks for nothing that costs", async () => {
  upstream.forget();
  const found = await run("doctor", "--json");
  const findings = found.json()["findings"] as { status: string; area: string; what: string }[];
  expect(findings.filter(({ status }) => status === "fail")).toEqual([]);
  expect(found.code).toBe(0);
  const said = findings.map(({ area, what }) => `${area}: ${what}`).join("\n");
  expect(said).toMatch(/providers: openai, key .*: accepted, 1 model$/m);
  expect(said).toContain(`gateway: ${sentinel.url} runs`);
  expect(said).toContain("meta.db is whole");
  expect(upstream.seen.filter(({ method }) => method === "POST")).toEqual([]);
  expect(found.stdout).not.toContain("sk-upstream-key-0001");
});

test("the doctor names a refused key, a provider that is not there, and fails", async () => {
  await using vendor = await startRefusingVendor();
  await using folder = await tempFolder();
  const doctor = (env: Record<string, string>) =>
    runCli(["doctor"], { cwd: folder.path, env: { SENTINEL_PORT: "0", ...env } });
  const refused = await doctor({
    OPENAI_API_KEY: "sk-refused-key-0002",
    OPENAI_BASE_URL: vendor.baseUrl,
    MISTRAL_API_KEY: "sk-unreachable-key",
    MISTRAL_BASE_URL: "http://127.0.0.1:9/v1",
  });
  expect(refused.code).toBe(1);
  expect(refused.stdout).toMatch(
    /fail +providers +openai, key .*: refused with 401\n +→ Make a new key/,
  );
  expect(refused.stdout).toMatch(/fail +providers +mistral, key .*: not reached/);
  expect(refused.stdout).toMatch(/fail +clock +1\d{3}\.\d s ahead of openai/);
  expect(refused.stdout).not.toContain("sk-refused-key-0002");
});

/** Takes no key, and its clock is twenty minutes slow. */
async function startRefusingVendor(): Promise<{ readonly baseUrl: string } & AsyncDisposable> {
  const server = createServer((_request, response) => {
    const date = new Date(Date.now() - 1_200_000).toUTCString();
    response.writeHead(401, { date, "content-type": "application/json" });
    response.end(
      JSON.stringify({ error: { message: "Incorrect API key provided: sk-refused-key-0002" } }),
    );
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      server.closeAllConnections();
      await once(server, "close");
    },
  };
}

test("the doctor names every problem of the configuration at once", async () => {
  const env = { SENTINEL_PORT: "abc", SENTINEL_STORE: "oracle" };
  const wrong = await runCli(["doctor"], { cwd: dirname(sentinel.dataDir), env });
  expect(wrong.code).toBe(1);
  expect(wrong.stdout).toMatch(/fail +configuration +SENTINEL_PORT/);
  expect(wrong.stdout).toMatch(/fail +configuration +SENTINEL_STORE/);
});

test.each([
  [["nonsense"], 2, "unknown command"],
  [["keys", "create"], 2, "missing required argument"],
  [["keys", "create", "x", "--rpm", "many"], 2, "whole number"],
  [["usage", "--group-by", "colour"], 2, "It must be made of"],
  [["usage", "--from", "garbage"], 2, "It must be a time, as"],
  [["usage", "--to", "2026-02-30T10:00:00Z"], 2, "It must be a time, as"],
  [["audit", "list", "--from", "garbage"], 2, "It must be a time, as"],
  [["audit", "export", "--output", "nowhere/x"], 1, "nowhere/x cannot be written: ENOENT"],
  [["audit", "checkpoints", "--output", "nowhere/x"], 1, "nowhere/x cannot be written: ENOENT"],
  [["reconcile", "nowhere.csv"], 2, "--provider"],
  [["reconcile", "nowhere.csv", "--provider", "openai"], 1, "nowhere.csv does not exist."],
  [["usage", "--tenant", "nobody"], 1, "There is no such tenant."],
  [["--url", "http://127.0.0.1:9", "usage"], 1, "http://127.0.0.1:9 cannot be reached."],
  [["--data-dir", "elsewhere", "usage"], 1, "There is no platform admin token"],
] as const)("%j ends with %d and says why on stderr", async (args, code, why) => {
  const ended = await run(...args);
  expect(ended).toMatchObject({ code, stdout: "" });
  expect(ended.stderr).toContain(why);
  expect(ended.stderr).not.toContain("    at ");
});

test("another gateway's token is said to be that", async () => {
  const ended = await runCli(["keys", "list"], {
    cwd: dirname(sentinel.dataDir),
    env: { SENTINEL_ADMIN_TOKEN: "not-the-token-of-this-one" },
  });
  expect(ended).toMatchObject({ code: 1, stdout: "" });
  expect(ended.stderr).toContain("does not take the admin token");
});

test("version and help are answers, not errors", async () => {
  expect(await run("--version")).toMatchObject({ code: 0, stderr: "" });
  const help = await run("keys", "create", "--help");
  expect(help).toMatchObject({ code: 0, stderr: "" });
  expect(help.stdout).toContain("Examples:");
});
