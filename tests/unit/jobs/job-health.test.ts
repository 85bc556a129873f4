import { expect, test } from "vitest";

import { openJobHealth, stalledProblem } from "../../../src/jobs/job-health.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import type { JobCounts } from "../../../src/jobs/job-store.ts";
import { until } from "../../support/gateway.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { aJob, MemoryJobStore } from "../../support/memory-job-store.ts";

test("it is degraded while the oldest job waits for too long, and ok when it is done", async () => {
  const clock = manualClock();
  const store = new MemoryJobStore(clock);
  using health = openJobHealth({ store, clock, stalledMs: 300_000, everyMs: 2 });
  await store.enqueue([aJob()]);
  await until("it has looked", () => health.figures().counts.length === 1);
  expect(health.part.isDegraded).toBe(false);

  clock.advance(1_020_000);
  await until("it is degraded", () => health.part.isDegraded);
  expect(health.part.detail).toContain("kind judge, has been due for 17 minutes; 1 are due and 0");

  const [job] = await store.claim({ kinds: ["judge"], worker: "w", leaseMs: 1_000, limit: 1 });
  await store.complete(job ?? { id: "", token: "" });
  await until("it is ok again", () => !health.part.isDegraded);
});

test("a store that fails, or does not answer at all, is told of until it answers", async () => {
  const store = new MemoryJobStore(systemClock);
  store.failure = new Error("away");
  using health = openJobHealth({ store, clock: systemClock, stalledMs: 1_000, everyMs: 2 });
  await until("it is degraded", () => health.part.isDegraded);
  expect(health.figures()).toEqual({ counts: [], readAtMs: undefined });
  store.failure = undefined;
  await until("it is ok again", () => !health.part.isDegraded);

  const silent = Promise.withResolvers<readonly JobCounts[]>();
  const hanging = { counts: () => silent.promise };
  using other = openJobHealth({ store: hanging, clock: systemClock, stalledMs: 1_000, everyMs: 2 });
  await until("it is degraded", () => other.part.isDegraded);
  silent.resolve([]);
  await until("it is ok again", () => !other.part.isDegraded);
});

test("jobs that are not due yet, and kinds without jobs, are no problem", () => {
  const counts = {
    kind: "judge",
    waiting: 3,
    delayed: 3,
    running: 0,
    dead: 2,
    oldestMs: undefined,
  };
  expect(stalledProblem([counts, { ...counts, kind: "anchor", oldestMs: 10 }], 10)).toBeUndefined();
});

test("a kind whose runs take long is late only when a run has had its time", () => {
  const anchors = { kind: "anchors", waiting: 0, delayed: 0, running: 1, dead: 0 };
  const problem = (oldestMs: number) =>
    stalledProblem([{ ...anchors, oldestMs }], 300_000, { anchors: 3_600_000 });
  expect(problem(3_900_000)).toBeUndefined();
  expect(problem(3_900_001)).toContain("kind anchors, has been due for 65 minutes");
});
