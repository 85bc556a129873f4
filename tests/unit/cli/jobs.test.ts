import { expect, test } from "vitest";

import { sentinelProgram } from "../../../src/cli/program.ts";
import { parseSettings } from "../../../src/config/settings.ts";
import { startScriptedGateway } from "../../support/scripted-gateway.ts";

const counts = [
  { kind: "judge", waiting: 12_345, delayed: 3, running: 4, dead: 1, oldest_seconds: 70 },
];
const caps = {
  day: "2026-11-21",
  data: [{ id: "judge:acme", spent_usd: "1.500000000", tokens: 900 }],
};
const dead = [
  {
    id: "judge:1:relevance",
    tenant: "acme",
    reason: "rate_limited",
    attempts: 8,
    round: 1,
    enqueued_at: 1_795_300_000,
    died_at: 1_795_300_200,
  },
];

/** The command line in this process, over a gateway that answers as the admin API does. */
async function run(...args: string[]) {
  await using gateway = await startScriptedGateway(({ path }, response) => {
    const answer = path.includes("/dead?") ? { data: dead, has_more: true } : { counts, caps };
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(answer));
  });
  const printed: string[] = [];
  const notes: string[] = [];
  const { settings } = parseSettings({
    SENTINEL_URL: gateway.url,
    SENTINEL_ADMIN_TOKEN: "token-of-sixteen-characters",
  });
  const program = sentinelProgram({
    settings: () => settings,
    print: (text) => printed.push(text),
    note: (text) => notes.push(text),
  });
  await program.parseAsync(args, { from: "user" });
  const paths = gateway.seen.map(({ path }) => path);
  return { stdout: printed.join("\n"), stderr: notes.join("\n"), paths };
}

test("`sentinel jobs` shows how many wait, run and are dead, and what the day has come to", async () => {
  const { stdout } = await run("jobs");
  expect(stdout).toMatch(/KIND +WAITING +NOT DUE +RUNNING +DEAD +OLDEST/);
  expect(stdout).toMatch(/judge +12,345 +3 +4 +1 +70 s/);
  expect(stdout).toMatch(/on 2026-11-21:\n.*\njudge:acme +\$1\.5000 +900/);
  expect(JSON.parse((await run("jobs", "--json")).stdout)).toEqual({ counts, caps });
});

test("`sentinel jobs --dead` shows those that were given up, and why", async () => {
  const { stdout, stderr } = await run("jobs", "--dead");
  expect(stdout).toMatch(/judge:1:relevance +acme +rate_limited +8 +1 +2026/);
  expect(stderr).toContain("latest 100");
  expect(JSON.parse((await run("jobs", "--dead", "--json")).stdout)).toEqual(dead);
});

test("a job is tried again or cancelled by its id, as it is", async () => {
  const retried = await run("jobs", "retry", "judge:1:a/b");
  expect(retried.paths).toEqual(["/admin/v1/jobs/dead/judge%3A1%3Aa%2Fb/retry"]);
  expect(retried.stdout).toBe("The job judge:1:a/b waits again.");
  const cancelled = await run("jobs", "cancel", "judge:1:x", "--json");
  expect(cancelled.paths).toEqual(["/admin/v1/jobs/judge%3A1%3Ax"]);
  expect(JSON.parse(cancelled.stdout)).toEqual({ counts, caps });
});
