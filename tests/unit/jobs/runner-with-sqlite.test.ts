import { join } from "node:path";

import { expect, test } from "vitest";

import type { JobHandler } from "../../../src/jobs/job-handler.ts";
import { openJobRunner } from "../../../src/jobs/runner.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { openSqliteJobStore } from "../../../src/stores/sqlite/jobs/open.ts";
import { aJob } from "../../support/memory-job-store.ts";
import { untilTrue } from "../../support/redis.ts";
import { tempFolder } from "../../support/temp-folder.ts";

/** SQLite's store, and runners that open and close over it. */
async function openLab() {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const store = resources.use(openSqliteJobStore({ path: join(folder.path, "jobs.db") }));
  const open = (judge: JobHandler) =>
    openJobRunner({
      store,
      handlers: { judge },
      concurrency: 4,
      leaseMs: 60_000,
      worker: "test",
      clock: systemClock,
      random: () => 0,
      onEvent: () => undefined,
      idleMs: 2,
      graceMs: 20,
      stopMs: 10,
    });
  const counts = async () => (await store.counts()).find(({ kind }) => kind === "judge");
  return { store, open, counts, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test("with SQLite every job is run once, and what fails for good is dead with its reason", async () => {
  await using lab = await openLab();
  const runs: string[] = [];
  const ids = Array.from({ length: 25 }, (_, number) => `judge:${number}:x`);
  await lab.store.enqueue(ids.map((id) => aJob({ id })));
  await using _runner = lab.open({
    run: ({ id, attempt }) => {
      runs.push(`${id} ${attempt}`);
      if (id !== "judge:7:x") return Promise.resolve({ kind: "done" });
      return Promise.resolve({ kind: "retry", reason: "rate_limited" });
    },
    giveUp: () => Promise.resolve(),
    attemptsMax: 2,
  });
  await untilTrue("one is dead and the others are done", async () => {
    const counts = await lab.counts();
    return counts?.dead === 1 && counts.waiting === 0 && counts.running === 0;
  });
  expect(runs.toSorted()).toEqual([...ids.map((id) => `${id} 1`), "judge:7:x 2"].toSorted());
  expect(await lab.store.listDead({ limit: 10 })).toMatchObject([
    { id: "judge:7:x", reason: "rate_limited", attempts: 2 },
  ]);
});

test("with SQLite what a shutdown cut short is the next runner's, at its first attempt", async () => {
  await using lab = await openLab();
  await lab.store.enqueue([aJob()]);
  const begun = Promise.withResolvers<undefined>();
  const first = lab.open({
    run: () => {
      begun.resolve(undefined);
      return new Promise(() => undefined);
    },
    giveUp: () => Promise.resolve(),
  });
  await begun.promise;
  await first[Symbol.asyncDispose]();

  const attempts: number[] = [];
  await using _second = lab.open({
    run: ({ attempt }) => {
      attempts.push(attempt);
      return Promise.resolve({ kind: "done" });
    },
    giveUp: () => Promise.resolve(),
  });
  await untilTrue(
    "it is done",
    async () => ((await lab.counts())?.running ?? 0) === 0 && attempts.length > 0,
  );
  expect(attempts).toEqual([1]);
});
