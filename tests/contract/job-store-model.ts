import fc from "fast-check";
import { expect, test } from "vitest";

import type { ClaimedJob, JobStore } from "../../src/jobs/job-store.ts";
import { aJob, claim, idsOf, longMs } from "./job-store-run.ts";
import type { OpenJobStore } from "./job-store-run.ts";

type State = "waiting" | "delayed" | "running" | "done" | "cancelled" | "dead";

interface ModelJob {
  state: State;
  readonly priority: number;
  attempt: number;
  round: number;
  lease: ClaimedJob | undefined;
}

/** As simple as it can be said; time is left out: what is put off is put off for good. */
interface Model {
  readonly jobs: Map<string, ModelJob>;
  /** All leases that ever were, most of them lost. */
  readonly leases: ClaimedJob[];
}

type Command = fc.AsyncCommand<Model, JobStore>;

const ids = fc.constantFrom("a", "b", "c", "d", "e", "f", "g", "h");
const leaseAt = fc.nat(30);

const command = (name: string, run: (model: Model, store: JobStore) => Promise<void>): Command => ({
  check: () => true,
  run,
  toString: () => name,
});

const held = (model: Model, at: number): [ClaimedJob, ModelJob | undefined] | undefined => {
  const lease = model.leases[at % Math.max(1, model.leases.length)];
  if (lease === undefined) return undefined;
  const job = model.jobs.get(lease.id);
  const isHeld = job?.state === "running" && job.lease?.token === lease.token;
  return [lease, isHeld ? job : undefined];
};

const withLease = (
  name: string,
  run: (store: JobStore, lease: ClaimedJob, job: ModelJob | undefined) => Promise<void>,
) =>
  leaseAt.map((at) =>
    command(`${name} ${at}`, async (model, store) => {
      const found = held(model, at);
      if (found !== undefined) await run(store, ...found);
    }),
  );

const commands = [
  fc
    .tuple(fc.uniqueArray(ids, { maxLength: 4 }), fc.nat(9), fc.boolean())
    .map(([some, priority, isLate]) =>
      command(`enqueue ${some.join("")} ${priority} ${isLate}`, async (model, store) => {
        const delay = isLate ? { delayMs: longMs } : {};
        const fresh = some.filter((id) => !model.jobs.has(id));
        const jobs = some.map((id) => aJob(id, { priority, ...delay }));
        expect(await store.enqueue(jobs)).toBe(fresh.length);
        const state = isLate ? "delayed" : "waiting";
        for (const id of fresh) {
          model.jobs.set(id, { state, priority, attempt: 0, round: 1, lease: undefined });
        }
      }),
    ),
  fc.integer({ min: 1, max: 4 }).map((limit) =>
    command(`claim ${limit}`, async (model, store) => {
      const due = [...model.jobs.values()].filter(({ state }) => state === "waiting");
      const priorities = due.map(({ priority }) => priority).sort((left, right) => right - left);
      const claimed = await claim(store, { limit });
      expect(claimed.map(({ priority }) => priority)).toEqual(priorities.slice(0, limit));
      for (const lease of claimed) {
        const job = model.jobs.get(lease.id);
        expect(job?.state).toBe("waiting");
        if (job === undefined) continue;
        job.state = "running";
        job.attempt += 1;
        job.lease = lease;
        model.leases.push(lease);
        const { attempt, round, priority } = job;
        expect(lease).toMatchObject({ attempt, round, priority, payload: aJob(lease.id).payload });
      }
    }),
  ),
  withLease("heartbeat", async (store, lease, job) => {
    expect(await store.heartbeat([lease], longMs)).toEqual([job !== undefined]);
  }),
  withLease("complete", async (store, lease, job) => {
    expect(await store.complete(lease)).toBe(job !== undefined);
    if (job !== undefined) job.state = "done";
  }),
  withLease("try again", async (store, lease, job) => {
    expect(await store.fail(lease, { reason: "x", retryInMs: 0 })).toBe(job !== undefined);
    if (job !== undefined) job.state = "waiting";
  }),
  withLease("try much later", async (store, lease, job) => {
    expect(await store.fail(lease, { reason: "x", retryInMs: longMs })).toBe(job !== undefined);
    if (job !== undefined) job.state = "delayed";
  }),
  withLease("die", async (store, lease, job) => {
    expect(await store.fail(lease, { reason: "x" })).toBe(job !== undefined);
    if (job !== undefined) job.state = "dead";
  }),
  withLease("release", async (store, lease, job) => {
    expect(await store.release([lease])).toBe(job === undefined ? 0 : 1);
    if (job === undefined) return;
    job.state = "waiting";
    job.attempt -= 1;
  }),
  ids.map((id) =>
    command(`cancel ${id}`, async (model, store) => {
      const job = model.jobs.get(id);
      const isOver = job === undefined || job.state === "done" || job.state === "cancelled";
      expect(await store.cancel(id)).toBe(!isOver);
      if (!isOver) job.state = "cancelled";
    }),
  ),
  ids.map((id) =>
    command(`retry ${id}`, async (model, store) => {
      const job = model.jobs.get(id);
      expect(await store.retryDead(id)).toBe(job?.state === "dead");
      if (job?.state !== "dead") return;
      job.state = "waiting";
      job.round += 1;
      job.attempt = 0;
    }),
  ),
  fc.constant(
    command("look", async (model, store) => {
      const number = (...states: State[]): number =>
        [...model.jobs.values()].filter(({ state }) => states.includes(state)).length;
      const [counts] = await store.counts();
      if (model.jobs.size === 0) expect(counts).toBeUndefined();
      else {
        expect(counts).toMatchObject({
          waiting: number("waiting", "delayed"),
          delayed: number("delayed"),
          running: number("running"),
          dead: number("dead"),
        });
        expect(counts?.oldestMs === undefined).toBe(number("waiting", "running") === 0);
      }
      const dead = [...model.jobs].filter(([, { state }]) => state === "dead");
      const listed = await store.listDead({ limit: 100 });
      expect(idsOf(listed).toSorted()).toEqual(dead.map(([id]) => id).toSorted());
    }),
  ),
];

/** Any order of calls has the outcome that a list of jobs in memory has. */
export function jobStoreModel(name: string, open: OpenJobStore, numRuns: number): void {
  test(`jobs in ${name} are what a simple model says, in any order of calls`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.commands(commands, { maxCommands: 60, size: "max" }), async (some) => {
        await using run = await open();
        const setup = () => ({
          model: { jobs: new Map<string, ModelJob>(), leases: [] },
          real: run.stores[0],
        });
        await fc.asyncModelRun(setup, some);
      }),
      { numRuns },
    );
  });
}
