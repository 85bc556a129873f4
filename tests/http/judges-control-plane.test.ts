import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { expect, test } from "vitest";

import { sentinelProgram } from "../../src/cli/program.ts";
import { parseSettings } from "../../src/config/settings.ts";
import { admin } from "../support/admin-client.ts";
import { startGateway, until } from "../support/gateway.ts";
import type { TestGateway } from "../support/gateway.ts";
import { startScriptedUpstream } from "../support/scripted-upstream.ts";
import { tempFolder } from "../support/temp-folder.ts";

const politeness = {
  name: "politeness",
  instructions: "How polite is the answer?",
  labels: [
    { label: "rude", score: 0, description: "It insults." },
    { label: "polite", score: 1, description: "It is courteous." },
  ],
};
const yaml = (name: string) => `
judges:
  ${name}: { instructions: How short?, scale: { anchors: { 1: Long., 5: Short. } } }
`;
const verdict = JSON.stringify({ reason: "It says please.", label: "polite" });

/** A judge that always says the same, and what it was asked. */
async function startJudge() {
  const upstream = await startScriptedUpstream((response) => {
    const message = { role: "assistant", content: verdict, refusal: null };
    response.writeHead(200, { "content-type": "application/json" }).end(
      JSON.stringify({
        id: "chatcmpl-1",
        object: "chat.completion",
        created: 1,
        model: "m",
        choices: [{ index: 0, message, finish_reason: "stop", logprobs: null }],
        usage: { prompt_tokens: 100, completion_tokens: 10, total_tokens: 110 },
      }),
    );
  });
  const gateway = await startGateway({
    yaml: `
providers:
  test: { type: openai, base_url: "${upstream.baseUrl}", api_keys: [sk-x], models: [m] }
prices:
  test: { m: { input_per_million_usd: 1, output_per_million_usd: 2 } }
`,
    env: { SENTINEL_JUDGE_MODEL: "m" },
  });
  return {
    upstream,
    gateway,
    [Symbol.asyncDispose]: async () => {
      await gateway.close();
      await upstream[Symbol.asyncDispose]();
    },
  };
}

const namesOf = async (gateway: TestGateway): Promise<readonly unknown[]> => {
  const { data } = await admin(gateway, "GET /judges");
  return (data as Record<string, unknown>[]).map(({ name }) => name);
};

test("an evaluator made through the admin API judges a text with the gateway's own model, and is billed", async () => {
  await using judge = await startJudge();
  const { version } = await admin(judge.gateway, "POST /judges", politeness);
  const subject = { kind: "answer", question: "May I?", answer: "Please do, dear." };
  const judged = await admin(judge.gateway, "POST /judges/politeness/evaluate", { subject });
  expect(judged).toMatchObject({
    version,
    model: "m",
    status: "scored",
    score: 1,
    label: "polite",
    reason: "It says please.",
    cost_nano_usd: 120_000,
    cost_usd: "0.000120000",
  });
  expect(judge.upstream.seen).toHaveLength(1);
  expect(judge.upstream.seen[0]?.body.toString()).toContain("Please do, dear.");
  // Neither what was judged nor what was said of it is anybody's to read in the log.
  expect(JSON.stringify(judge.gateway.lines)).not.toMatch(/dear|says please/);
});

test("whoever does not wait for a verdict has the judge's call cancelled", async () => {
  await using judge = await startJudge();
  judge.upstream.answer(() => undefined);
  const { url, adminToken } = judge.gateway;
  const leaving = new AbortController();
  const asked = fetch(`${url}/admin/v1/judges/relevance/evaluate`, {
    method: "POST",
    headers: { authorization: `Bearer ${adminToken}` },
    body: JSON.stringify({ subject: { kind: "answer", answer: "x" } }),
    signal: leaving.signal,
  });
  await until("the judge is asked", () => judge.upstream.openCount === 1);
  leaving.abort();
  await expect(asked).rejects.toThrow("aborted");
  await until("its call is cut", () => judge.upstream.openCount === 0);
});

test("the file's evaluators come and go with it, and hold a stored one of their name back", async () => {
  await using gateway = await startGateway({ yaml: yaml("brevity") });
  expect(await namesOf(gateway)).toContain("brevity");
  await admin(gateway, "POST /judges", politeness);
  await gateway.reload(yaml("politeness"));
  expect(await namesOf(gateway)).not.toContain("brevity");
  expect(await admin(gateway, "GET /judges/politeness")).toMatchObject({ source: "file" });
  await gateway.reload("");
  expect(await admin(gateway, "GET /judges/politeness")).toMatchObject({ source: "admin" });
});

test("the command line lists, makes, shows and deletes evaluators, and has tenants judged", async () => {
  await using gateway = await startGateway();
  await using folder = await tempFolder();
  const file = join(folder.path, "p.json");
  await writeFile(file, JSON.stringify(politeness));

  const [made] = JSON.parse(await sentinel(gateway, "judge", "create", file, "--json")) as object[];
  expect(made).toMatchObject({ name: "politeness", source: "admin" });
  const list = await sentinel(gateway, "judge", "list");
  expect(list).toMatch(/^politeness +[0-9a-f]{12} +admin +answer +rude polite$/m);
  expect(await sentinel(gateway, "judge", "show", "politeness")).toContain("How polite");
  const options = ["--judge", "politeness,relevance", "--judge-model", "m", "--judge-budget", "1"];
  const update = ["tenants", "update", "default"];
  const updated = await sentinel(gateway, ...update, ...options, "--judge-sample", "0.2");
  expect(updated).toContain("20 % judged for politeness+relevance by m up to $1/day");
  const tenant = await admin(gateway, "GET /tenants/default");
  expect(tenant["policy"]).toEqual({
    judge: {
      evaluators: ["politeness", "relevance"],
      model: "m",
      daily_budget_usd: "1",
      sample_rate: 0.2,
    },
  });

  const deleted = await sentinel(gateway, "judge", "delete", "politeness");
  expect(deleted).toContain("The evaluator politeness is deleted.");
  const wrong = sentinel(gateway, ...update, "--judge", "relevence");
  await expect(wrong).rejects.toThrow("Did you mean 'relevance'?");
  await sentinel(gateway, ...update, "--no-judge");
  expect((await admin(gateway, "GET /tenants/default"))["policy"]).toEqual({});
});

/** Runs a command in this process, and resolves to what it printed. */
async function sentinel(gateway: TestGateway, ...args: readonly string[]): Promise<string> {
  const printed: string[] = [];
  const { settings } = parseSettings({
    SENTINEL_URL: gateway.url,
    SENTINEL_ADMIN_TOKEN: gateway.adminToken,
  });
  const program = sentinelProgram({
    settings: () => settings,
    print: (text) => printed.push(text),
    note: () => undefined,
  });
  await program.parseAsync([...args], { from: "user" });
  return printed.join("\n");
}
