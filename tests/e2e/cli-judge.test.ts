import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { IncomingMessage } from "node:http";
import { json } from "node:stream/consumers";
import { join } from "node:path";

import { expect, test } from "vitest";

import { runCli } from "../support/run-cli.ts";
import { tempFolder } from "../support/temp-folder.ts";

const fixture = join(import.meta.dirname, "../fixtures/judge-pairs.jsonl");

test("verdicts that a file has recorded are held against people's without a gateway", async () => {
  await using folder = await tempFolder();
  const shown = await runCli(["judge", "calibrate", fixture], { cwd: folder.path });
  expect(shown).toMatchObject({ code: 0, stderr: "" });
  const rows = shown.stdout.split("\n").map((line) => line.split(/ {2,}/));
  expect(rows[0]?.slice(0, 5)).toEqual(["JUDGE", "GROUP", "ITEMS", "ACCURACY", "KAPPA [95 %]"]);
  expect(rows.filter(([judge]) => judge === "careful").map(([, group]) => group)).toEqual([
    "all",
    "sums",
    "sums/easy",
    "sums/hard",
    "words/short",
  ]);
  expect(shown.stdout).toMatch(/^careful +all +10 +0\.850 +0\.800 \[/m);
  expect(shown.stdout).toMatch(/^first-come +all +10 +0\.500 +0\.000 \[.*0\.000 \[.* 1\.000 /m);
});

test("a line that is wrong is named, and nothing is worked out", async () => {
  await using folder = await tempFolder();
  const stdin = `${await readFile(fixture, "utf8")}{"question": "?"}\n`;
  const run = await runCli(["judge", "calibrate", "-"], { cwd: folder.path, stdin });
  expect(run).toMatchObject({ code: 1, stdout: "" });
  expect(run.stderr).toContain("line 11 has nothing to judge");
});

test("an evaluator judges each item by the gateway, which keeps what came of it", async () => {
  await using folder = await tempFolder();
  await using gateway = await judgingGateway();
  const env = { SENTINEL_URL: gateway.url, SENTINEL_ADMIN_TOKEN: "token-of-the-admin" };
  const args = ["judge", "calibrate", fixture, "--evaluator", "mine", "--anchors", "4", "--json"];
  const run = await runCli(args, { cwd: folder.path, env });
  expect(run.stderr).toBe("");
  expect(run.json()).toMatchObject({
    evaluator: "mine",
    version: "0123456789ab",
    model: "judge-1",
    ended: "finished",
    judged: 10,
    failed: 1,
    failures: { invalid_output: 1 },
    cost_usd: "0.000001000",
    saved: true,
    anchors: 4,
    reports: [{ group: "all", report: { items: 10, compared: 9, failed: 1 } }, {}, {}, {}, {}],
  });
  const [kept] = gateway.kept;
  expect(kept).toMatchObject({ version: "0123456789ab", model: "judge-1" });
  expect(kept?.["items"]).toHaveLength(10);
  expect(JSON.stringify(kept?.["items"])).not.toContain("colour");
  expect(kept?.["anchors"]).toMatchObject([
    { subject: { kind: "pair" }, label: "first", score: 1 },
    {},
    {},
    {},
  ]);
});

test("what was paid for is reported also where the gateway does not keep it", async () => {
  await using folder = await tempFolder();
  await using gateway = await judgingGateway({ keepsNothing: true });
  const env = { SENTINEL_URL: gateway.url, SENTINEL_ADMIN_TOKEN: "token-of-the-admin" };
  const args = ["judge", "calibrate", fixture, "--evaluator", "mine", "--only", "words"];
  const run = await runCli(args, { cwd: folder.path, env });
  expect(run).toMatchObject({ code: 1, stderr: "There is no room.\n" });
  expect(run.stdout).toContain("mine@0123456789ab by judge-1: 6 of 6 judged, $0.0000006.");
  expect(run.stdout).toMatch(/^all +6 +0\.833 /m);
  expect(run.stdout).not.toContain("Kept");
});

test.each([[], ["--no-save"]])(
  "a judge that came to no verdict at all has no calibration (%j)",
  async (...options) => {
    await using folder = await tempFolder();
    await using gateway = await judgingGateway();
    const env = { SENTINEL_URL: gateway.url, SENTINEL_ADMIN_TOKEN: "token-of-the-admin" };
    const stdin = JSON.stringify({ question: "?", output_1: "51", output_2: "5", human_label: 1 });
    const args = ["judge", "calibrate", "-", "--evaluator", "mine", ...options];
    const run = await runCli(args, { cwd: folder.path, env, stdin });
    expect(run).toMatchObject({
      code: 1,
      stderr: "No item came to a verdict. Nothing was kept.\n",
    });
    expect(run.stdout).toContain("1 of 1 judged, 1 failed");
    expect(gateway.kept).toEqual([]);
  },
);

/** Answers as a gateway does whose judge prefers the first output, and cannot judge one that says 51. */
async function judgingGateway({ keepsNothing = false } = {}) {
  const kept: Record<string, unknown>[] = [];
  const labels = ["second", "tie", "first"].map((label, at) => ({ label, score: at / 2 }));
  const evaluator = { name: "mine", version: "0123456789ab", subject: "pair", ordinal: false };
  const server = createServer((request, response) => {
    void answer(request).then((body) => {
      if ("error" in body) response.statusCode = 409;
      response.setHeader("content-type", "application/json").end(JSON.stringify(body));
    });
  });
  const answer = async (request: IncomingMessage) => {
    if (request.method === "GET") return { object: "judge", ...evaluator, labels };
    const body = (await json(request)) as Record<string, unknown>;
    if (request.url?.endsWith("/calibrations") === true) {
      if (keepsNothing) return { error: { message: "There is no room." } };
      kept.push(body);
      return { object: "judge.calibration" };
    }
    const isBroken = JSON.stringify(body).includes("51");
    return {
      version: evaluator.version,
      model: "judge-1",
      status: isBroken ? "failed" : "scored",
      score: isBroken ? null : 1,
      label: isBroken ? null : "first",
      label_swapped: isBroken ? null : "first",
      failure: isBroken ? "invalid_output" : null,
      cost_nano_usd: 100,
    };
  };
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("It listens on a port.");
  return {
    url: `http://127.0.0.1:${address.port}`,
    kept,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
