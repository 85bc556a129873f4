import { expect, test } from "vitest";

import type { JobEvent } from "../../../src/jobs/job-event.ts";
import type { JobHandler, JobOutcome } from "../../../src/jobs/job-handler.ts";
import type { ClaimedJob } from "../../../src/jobs/job-store.ts";
import { openJobRunner } from "../../../src/jobs/runner.ts";
import type { JobRunnerOptions } from "../../../src/jobs/runner.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { until } from "../../support/gateway.ts";
import { aJob, MemoryJobStore } from "../../support/memory-job-store.ts";

const done: JobOutcome = { kind: "done" };

/** Runs jobs of the kind `judge`, with retries at once and everything else quick. */
function openLab(handler: Partial<JobHandler>, options: Partial<JobRunnerOptions> = {}) {
  const store = new MemoryJobStore(systemClock);
  const events: JobEvent[] = [];
  const givenUp: [string, string][] = [];
  const judge: JobHandler = {
    run: () => Promise.resolve(done),
    giveUp: ({ id }, reason) => {
      givenUp.push([id, reason]);
      return Promise.resolve();
    },
    ...handler,
  };
  const open = (more: Partial<JobRunnerOptions> = {}) =>
    openJobRunner({
      store,
      handlers: { judge },
      concurrency: 2,
      leaseMs: 60_000,
      worker: "test",
      clock: systemClock,
      random: () => 0,
      onEvent: (event) => events.push(event),
      idleMs: 2,
      graceMs: 20,
      ...options,
      ...more,
    });
  const ended = (outcome: string) =>
    events.flatMap((event) => (event.kind === "ended" && event.outcome === outcome ? event : []));
  const kinds = () => events.map(({ kind }) => kind);
  return { store, open, events, ended, kinds, givenUp };
}

/** Work that goes on until somebody lets it end, or it is aborted. */
function heldWork({ heedsSignal = true } = {}) {
  const begun: ClaimedJob[] = [];
  const reasons: string[] = [];
  const ends: (() => void)[] = [];
  const run: JobHandler["run"] = (job, { signal }) => {
    begun.push(job);
    const { promise, resolve, reject } = Promise.withResolvers<JobOutcome>();
    ends.push(() => {
      resolve(done);
    });
    signal.addEventListener("abort", () => {
      reasons.push(String(signal.reason));
      if (heedsSignal) reject(new Error("aborted"));
    });
    return promise;
  };
  const endAll = () => {
    for (const end of ends) end();
  };
  return { run, begun, reasons, endAll };
}

const state = (store: MemoryJobStore, id = "judge:1:relevance") => store.look(id)?.state;

test("a job that is enqueued is run once, with its payload, and is done", async () => {
  const seen: ClaimedJob[] = [];
  const lab = openLab({
    run: (job) => {
      seen.push(job);
      return Promise.resolve(done);
    },
  });
  await using _runner = lab.open();
  await lab.store.enqueue([aJob()]);
  await until("it is done", () => state(lab.store) === "done");
  expect(seen).toMatchObject([{ id: "judge:1:relevance", attempt: 1, payload: aJob().payload }]);
  expect(lab.ended("done")).toMatchObject([{ job: { kind: "judge", tenantId: "acme" } }]);
  expect(JSON.stringify(lab.events)).not.toContain("secret");
});

test("no more run at once than there are places, and a place that is free is filled at once", async () => {
  const work = heldWork();
  const lab = openLab(work, { idleMs: 60_000 });
  await lab.store.enqueue([1, 2, 3, 4, 5].map((number) => aJob({ id: `judge:${number}:x` })));
  await using runner = lab.open();
  await until("both places are taken", () => work.begun.length === 2);
  expect(runner.runningCount).toBe(2);
  work.endAll();
  await until("the next two run", () => work.begun.length === 4);
  work.endAll();
  await until("the last one runs", () => work.begun.length === 5);
  work.endAll();
  await until("all are done", () => lab.ended("done").length === 5);
});

test("jobs of kinds that nobody handles here are left alone", async () => {
  const lab = openLab({});
  await lab.store.enqueue([aJob({ id: "a", kind: "anchor" }), aJob({ id: "b" })]);
  await using _runner = lab.open();
  await until("b is done", () => state(lab.store, "b") === "done");
  expect(state(lab.store, "a")).toBe("waiting");
});

test("what fails is tried again, not before the time it asks for", async () => {
  let runs = 0;
  const lab = openLab({
    run: () =>
      Promise.resolve(++runs === 1 ? { kind: "retry", reason: "rate_limited", afterMs: 30 } : done),
  });
  await lab.store.enqueue([aJob()]);
  const beganMs = performance.now();
  await using _runner = lab.open();
  await until("it is done", () => state(lab.store) === "done");
  expect(performance.now() - beganMs).toBeGreaterThanOrEqual(29);
  expect(lab.ended("retry")).toMatchObject([{ reason: "rate_limited", job: { attempt: 1 } }]);
});

test("after its last attempt a job is given up in writing, and dead after that", async () => {
  const order: string[] = [];
  const lab = openLab({
    attemptsMax: 3,
    run: () => Promise.resolve({ kind: "retry", reason: "rate_limited" }),
    giveUp: (_job, reason) => {
      order.push(`${reason} ${String(state(lab.store))}`);
      return Promise.resolve();
    },
  });
  await lab.store.enqueue([aJob()]);
  await using _runner = lab.open();
  await until("it is dead", () => state(lab.store) === "dead");
  expect(order).toEqual(["rate_limited running"]);
  expect(lab.ended("retry")).toHaveLength(2);
  expect(lab.ended("dead")).toMatchObject([{ reason: "rate_limited" }]);
});

test("a job without hope is given up at its first attempt", async () => {
  const lab = openLab({ run: () => Promise.resolve({ kind: "dead", reason: "no_text" }) });
  await lab.store.enqueue([aJob()]);
  await using _runner = lab.open();
  await until("it is dead", () => state(lab.store) === "dead");
  expect(lab.givenUp).toEqual([["judge:1:relevance", "no_text"]]);
});

test("a handler that throws has failed, and others go on", async () => {
  const lab = openLab({
    attemptsMax: 2,
    run: ({ id }) => {
      if (id === "bad") throw new Error("our own mistake");
      return Promise.resolve(done);
    },
  });
  await lab.store.enqueue([aJob({ id: "bad" }), aJob({ id: "good" })]);
  await using _runner = lab.open();
  await until("one is dead", () => state(lab.store, "bad") === "dead");
  await until("one is done", () => state(lab.store, "good") === "done");
  expect(lab.givenUp).toEqual([["bad", "error"]]);
  expect(lab.kinds().filter((kind) => kind === "handler_failed")).toHaveLength(2);
});

test("what workers died with too often is given up without being run", async () => {
  const work = heldWork();
  const lab = openLab({ ...work, attemptsMax: 2 });
  await lab.store.enqueue([aJob()]);
  const dying = { kinds: ["judge"], worker: "dies", leaseMs: 0, limit: 1 };
  for (let death = 0; death < 2; death++) await lab.store.claim(dying);
  await using _runner = lab.open();
  await until("it is dead", () => state(lab.store) === "dead");
  expect(work.begun).toEqual([]);
  expect(lab.givenUp).toEqual([["judge:1:relevance", "crashed"]]);
});

test("giving up is tried again until it works, with the reason that there was", async () => {
  const reasons: string[] = [];
  let runs = 0;
  const lab = openLab({
    retryBaseMs: 1,
    run: () => {
      runs++;
      return Promise.resolve({ kind: "dead", reason: "refused" });
    },
    giveUp: (_job, reason) => {
      reasons.push(reason);
      return reasons.length < 3 ? Promise.reject(new Error("disk full")) : Promise.resolve();
    },
  });
  await lab.store.enqueue([aJob()]);
  await using _runner = lab.open();
  await until("it is dead", () => state(lab.store) === "dead");
  expect(reasons).toEqual(["refused", "refused", "refused"]);
  expect(runs).toBe(1);
});

test("a handler that takes too long is aborted and has failed; one that goes on loses its place", async () => {
  const work = heldWork({ heedsSignal: false });
  const lab = openLab({ ...work, runMsMax: 5, attemptsMax: 1 }, { concurrency: 1, graceMs: 5 });
  await lab.store.enqueue([aJob({ id: "hangs" }), aJob({ id: "next" })]);
  await using _runner = lab.open();
  await until("both are dead", () => lab.givenUp.length === 2);
  expect(lab.givenUp).toEqual([
    ["hangs", "timeout"],
    ["next", "timeout"],
  ]);
  expect(work.reasons[0]).toContain("too long");
  // Two hang where there is one place: no third is begun until one of them ends.
  const stuck = () => lab.kinds().filter((kind) => kind === "handler_stuck");
  await until("both are waited for no more", () => stuck().length === 2);
  await lab.store.enqueue([aJob({ id: "third" })]);
  expect(work.begun).toHaveLength(2);
  work.endAll();
  await until("there is a place again", () => work.begun.length === 3);
  work.endAll();
});

test("leases are extended while jobs run, and one that is lost aborts its handler and changes nothing", async () => {
  const work = heldWork();
  const lab = openLab(work, { leaseMs: 300 });
  await lab.store.enqueue([aJob({ id: "stolen" }), aJob({ id: "kept" })]);
  await using _runner = lab.open();
  await until("leases were extended", () => (lab.store.calls["heartbeat"] ?? 0) >= 2);
  expect(work.begun).toHaveLength(2);
  lab.store.steal("stolen");
  await until("its handler is aborted", () => lab.ended("lost").length === 1);
  expect(work.reasons[0]).toContain("somebody else's");
  expect(state(lab.store, "stolen")).toBe("running");
  work.endAll();
  await until("the other is done", () => state(lab.store, "kept") === "done");
});

test("a job that is cancelled while it runs is aborted", async () => {
  const work = heldWork();
  const lab = openLab(work, { leaseMs: 60 });
  await lab.store.enqueue([aJob()]);
  await using _runner = lab.open();
  await until("it runs", () => work.begun.length === 1);
  await lab.store.cancel("judge:1:relevance");
  await until("it is aborted", () => lab.ended("lost").length === 1);
  expect(lab.givenUp).toEqual([]);
});

test("a job that is done is not run again because the store was away when it ended", async () => {
  const work = heldWork();
  const lab = openLab(work);
  await lab.store.enqueue([aJob()]);
  await using _runner = lab.open();
  await until("it runs", () => work.begun.length === 1);
  lab.store.failure = new Error("away");
  work.endAll();
  await until("the store was asked in vain", () => lab.store.calls["complete"] === 1);
  lab.store.failure = undefined;
  await until("it is done", () => state(lab.store) === "done");
  expect(work.begun).toHaveLength(1);
});

test("a store that fails is told of once and asked ever less often, and works when it is back", async () => {
  const lab = openLab({});
  lab.store.failure = new Error("away");
  await using _runner = lab.open();
  await until("it was asked", () => (lab.store.calls["claim"] ?? 0) >= 4);
  expect(lab.kinds()).toEqual(["store_failed"]);
  lab.store.failure = undefined;
  await lab.store.enqueue([aJob()]);
  await until("it is done", () => state(lab.store) === "done");
  expect(lab.kinds()).toEqual(["store_failed", "store_recovered", "ended"]);
});

test("at shutdown nothing is begun and what runs may end", async () => {
  const work = heldWork();
  const lab = openLab(work, { concurrency: 1 });
  await lab.store.enqueue([aJob({ id: "runs" }), aJob({ id: "waits" })]);
  const runner = lab.open();
  await until("one runs", () => work.begun.length === 1);
  const closing = runner[Symbol.asyncDispose]();
  work.endAll();
  await closing;
  expect(work.begun.map(({ id }) => id)).toEqual(["runs"]);
  expect([state(lab.store, "runs"), state(lab.store, "waits")]).toEqual(["done", "waiting"]);
});

test.each([
  ["heeds its signal", true],
  ["does not", false],
])(
  "what does not end in time at shutdown is given back, without an attempt, if it %s",
  async (_name, heedsSignal) => {
    const work = heldWork({ heedsSignal });
    const lab = openLab(work, { stopMs: 5, graceMs: 5 });
    await lab.store.enqueue([aJob()]);
    const runner = lab.open();
    await until("it runs", () => work.begun.length === 1);
    await runner[Symbol.asyncDispose]();
    expect(lab.store.look("judge:1:relevance")).toMatchObject({ state: "waiting", attempt: 0 });
    expect(lab.ended("released")).toHaveLength(1);
    expect(lab.givenUp).toEqual([]);
  },
);

test("what was recorded at the last moment of a shutdown is done", async () => {
  const lab = openLab(
    {
      run: (_job, { signal }) =>
        new Promise((resolve) => {
          signal.addEventListener("abort", () => {
            resolve(done);
          });
        }),
    },
    { stopMs: 5 },
  );
  await lab.store.enqueue([aJob()]);
  const runner = lab.open();
  await until("it runs", () => runner.runningCount === 1);
  await runner[Symbol.asyncDispose]();
  expect(state(lab.store)).toBe("done");
});

test("what is over is forgotten, a bounded number a time", async () => {
  const lab = openLab({}, { pruneMs: 5 });
  await lab.store.enqueue([1, 2, 3].map((number) => aJob({ id: String(number) })));
  await using _runner = lab.open();
  await until("all are done", () => lab.ended("done").length === 3);
  await until("they are forgotten", () => lab.store.look("3") === undefined);
});

test("two runners of one store share its jobs and run none twice", async () => {
  const seen: string[] = [];
  const lab = openLab({
    run: async ({ id }) => {
      seen.push(id);
      await Promise.resolve();
      return done;
    },
  });
  const ids = Array.from({ length: 60 }, (_, number) => `judge:${number}:x`);
  await lab.store.enqueue(ids.map((id) => aJob({ id })));
  await using _first = lab.open({ worker: "first" });
  await using _second = lab.open({ worker: "second" });
  await until("all are done", () => lab.ended("done").length === ids.length);
  expect(seen.toSorted()).toEqual(ids.toSorted());
});
