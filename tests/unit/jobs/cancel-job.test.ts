import { expect, test } from "vitest";

import { cancelJob } from "../../../src/jobs/cancel-job.ts";
import type { JobHandler } from "../../../src/jobs/job-handler.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { aJob, MemoryJobStore } from "../../support/memory-job-store.ts";

const { signal } = new AbortController();
const { id } = aJob();

function openLab(giveUp?: JobHandler["giveUp"]) {
  const store = new MemoryJobStore(manualClock());
  const givenUp: unknown[] = [];
  const judge: JobHandler = {
    run: () => Promise.resolve({ kind: "done" }),
    giveUp: async (job, reason, context) => {
      await giveUp?.(job, reason, context);
      givenUp.push([job.payload, job.round, reason, store.look(id)?.state]);
    },
  };
  const claim = async () => {
    const [job] = await store.claim({ kinds: ["judge"], worker: "w", leaseMs: 60_000, limit: 1 });
    return job ?? { id, token: "" };
  };
  const cancel = () => cancelJob(id, { store, handlers: { judge } }, signal);
  return { store, givenUp, claim, cancel };
}

test("that a job was cancelled is written down before it is, whether it waits or runs", async () => {
  const lab = openLab();
  await lab.store.enqueue([aJob()]);
  expect(await lab.cancel()).toBe(true);
  expect(lab.givenUp).toEqual([[aJob().payload, 1, "cancelled", "waiting"]]);
  expect(lab.store.look(id)).toMatchObject({ state: "cancelled", payload: "" });
  expect(await lab.cancel()).toBe(false);

  const running = openLab();
  await running.store.enqueue([aJob()]);
  await running.claim();
  expect(await running.cancel()).toBe(true);
  expect(running.givenUp).toEqual([[aJob().payload, 1, "cancelled", "running"]]);
});

test("of a dead job it is written down already why it is not done", async () => {
  const lab = openLab();
  await lab.store.enqueue([aJob()]);
  await lab.store.fail(await lab.claim(), { reason: "refused" });
  expect(await lab.cancel()).toBe(true);
  expect(lab.givenUp).toEqual([]);
});

test("a job whose end cannot be written down is not cancelled", async () => {
  const lab = openLab(() => Promise.reject(new Error("down")));
  await lab.store.enqueue([aJob()]);
  await expect(lab.cancel()).rejects.toThrow("down");
  expect(lab.store.look(id)).toMatchObject({ state: "waiting", payload: aJob().payload });
});

test("a job of a kind that nobody here knows is cancelled all the same", async () => {
  const lab = openLab();
  await lab.store.enqueue([aJob({ kind: "later" })]);
  expect(await lab.cancel()).toBe(true);
  expect(lab.givenUp).toEqual([]);
});
