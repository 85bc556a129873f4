import { expect, test } from "vitest";

import { forgetJudged } from "../../../src/jobs/forget-judged.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { aJob, MemoryJobStore } from "../../support/memory-job-store.ts";

function openLab() {
  const jobs = new MemoryJobStore(manualClock());
  const names = ["relevance", "toxicity"];
  const evaluators = { list: () => names.map((name) => ({ evaluator: { name } })) };
  const forget = forgetJudged({ jobs, evaluators, recent: { take: () => undefined } });
  return { jobs, forget: () => forget("acme", "1") };
}

test("what is to be judged of an erased request is forgotten, also what comes later", async () => {
  const { jobs, forget } = openLab();
  await jobs.enqueue([aJob()]);
  expect(await forget()).toBe(true);
  expect(jobs.look("judge:1:relevance")).toMatchObject({ state: "cancelled", payload: "" });
  expect(await jobs.enqueue([aJob({ id: "judge:1:toxicity" }), aJob({ id: "judge:2:x" })])).toBe(1);
  expect(await forget()).toBe(false);
});

test("nobody is told that it is forgotten where the store of jobs does not answer", async () => {
  const { jobs, forget } = openLab();
  jobs.failure = new Error("down");
  await expect(forget()).rejects.toThrow("down");
});
