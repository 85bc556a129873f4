import { describe, expect, test } from "vitest";

import type { ClaimedJob, JobStore } from "../../src/jobs/job-store.ts";
import {
  aJob,
  claim,
  claimOne,
  claimSoon,
  idsOf,
  longMs,
  nextMillisecond,
  shortMs,
  someJobs,
} from "./job-store-run.ts";
import type { OpenJobStore } from "./job-store-run.ts";

/** What every store of jobs does. */
export function jobStoreContract(name: string, open: OpenJobStore): void {
  describe(`jobs in ${name}`, () => {
    test("a job is claimed as it was enqueued, once, and is done", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      const payload = JSON.stringify({ text: 'ä "quoted" \u0000 \ud83d\ude00 line\nend' });
      const beganMs = Date.now();
      expect(await store.enqueue([aJob("judge:01:a'b}", { payload, priority: 7 })])).toBe(1);
      const job = await claimOne(other);
      expect(job).toEqual({
        id: "judge:01:a'b}",
        token: expect.any(String) as string,
        kind: "judge",
        tenantId: "acme",
        priority: 7,
        payload,
        attempt: 1,
        round: 1,
        enqueuedAtMs: expect.any(Number) as number,
      });
      expect(Math.abs(job.enqueuedAtMs - beganMs)).toBeLessThan(5_000);
      expect(await claim(store)).toEqual([]);
      expect(await store.complete(job)).toBe(true);
      expect(await store.complete(job)).toBe(false);
      expect(await claim(store)).toEqual([]);
    });

    test("an id that is known is left as it is, whatever its state", async () => {
      await using run = await open();
      const [store] = run.stores;
      const jobs = ["waiting", "running", "done", "dead", "cancelled"].map((id, index) =>
        aJob(id, { priority: 9 - index }),
      );
      expect(await store.enqueue([...jobs, ...jobs])).toBe(5);
      const claimed = await claim(store);
      const of = (id: string): ClaimedJob => {
        const job = claimed.find((each) => each.id === id);
        if (job === undefined) throw new Error(id);
        return job;
      };
      await store.release([of("waiting")]);
      await store.complete(of("done"));
      await store.fail(of("dead"), { reason: "refused" });
      await store.cancel("cancelled");
      const again = jobs.map((job) => ({ ...job, payload: "{}" }));
      expect(await store.enqueue([...again, aJob("new")])).toBe(1);
      const waiting = await claim(store);
      expect(idsOf(waiting)).toEqual(["waiting", "new"]);
      expect(waiting[0]?.payload).toBe(jobs[0]?.payload);
      expect(idsOf(await store.listDead({ limit: 10 }))).toEqual(["dead"]);
    });

    test("the highest priority is first, and of one priority the longest due", async () => {
      await using run = await open();
      const [store] = run.stores;
      await store.enqueue([aJob("low-1", { priority: 0 }), aJob("high-2", { priority: 9 })]);
      await nextMillisecond();
      await store.enqueue([
        aJob("high-1", { priority: 9 }),
        aJob("other", { kind: "b", priority: 5 }),
      ]);
      const kinds = ["judge", "b", "unheard-of"];
      expect(idsOf(await claim(store, { kinds, limit: 3 }))).toEqual(["high-2", "high-1", "other"]);
      expect(idsOf(await claim(store, { kinds, limit: 3 }))).toEqual(["low-1"]);
    });

    test("a claim takes no other kinds, and no more than it wants", async () => {
      await using run = await open();
      const [store] = run.stores;
      await store.enqueue([...someJobs(5), aJob("other", { kind: "anchor" })]);
      expect(await claim(store, { kinds: [] })).toEqual([]);
      expect(await claim(store, { limit: 0 })).toEqual([]);
      expect(await claim(store, { limit: 3 })).toHaveLength(3);
      expect(await claim(store)).toHaveLength(2);
      expect(idsOf(await claim(store, { kinds: ["anchor"] }))).toEqual(["other"]);
    });

    test("a job is not claimed before it is due", async () => {
      await using run = await open();
      const [store] = run.stores;
      await store.enqueue([aJob("soon", { delayMs: shortMs }), aJob("late", { delayMs: longMs })]);
      expect(await claim(store)).toEqual([]);
      expect(await store.counts()).toMatchObject([{ waiting: 2, delayed: 2, oldestMs: undefined }]);
      expect((await claimSoon(store)).id).toBe("soon");
      expect(await store.counts()).toMatchObject([{ waiting: 1, delayed: 1, running: 1 }]);
    });

    test("a lease that is over can be claimed, and who had it can change nothing any more", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      await store.enqueue([aJob("slow")]);
      const lost = await claimOne(store, { leaseMs: shortMs });
      const job = await claimSoon(other);
      expect(job).toMatchObject({ id: "slow", attempt: 2, round: 1, payload: lost.payload });
      expect(job.token).not.toBe(lost.token);
      expect(await store.heartbeat([lost, job], longMs)).toEqual([false, true]);
      expect(await store.complete(lost)).toBe(false);
      expect(await store.fail(lost, { reason: "late", retryInMs: 0 })).toBe(false);
      expect(await store.fail(lost, { reason: "late" })).toBe(false);
      expect(await store.release([lost])).toBe(0);
      expect(await other.complete(job)).toBe(true);
    });

    test("a lease lasts as long as its heartbeats", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      await store.enqueue([aJob("long"), aJob("short", { priority: 1 })]);
      // Long enough for the heartbeat to come in time on a machine that does much else.
      const jobs = await claim(store, { leaseMs: 10 * shortMs });
      expect(await store.heartbeat(jobs.slice(0, 1), longMs)).toEqual([true]);
      expect((await claimSoon(other)).id).toBe("short");
      expect(await claim(other)).toEqual([]);
      expect(await store.heartbeat([], longMs)).toEqual([]);
    });

    test("a failed job is tried again when it wants, and counts its attempts", async () => {
      await using run = await open();
      const [store] = run.stores;
      await store.enqueue([aJob("flaky")]);
      expect(await store.fail(await claimOne(store), { reason: "x", retryInMs: 0.5 })).toBe(true);
      const second = await claimSoon(store);
      expect(second).toMatchObject({ attempt: 2, round: 1, payload: aJob("flaky").payload });
      await store.fail(second, { reason: "x", retryInMs: longMs });
      expect(await claim(store)).toEqual([]);
      expect(await store.counts()).toMatchObject([{ waiting: 1, delayed: 1, running: 0, dead: 0 }]);
    });

    test("what failed for good is dead, and waits in its next round when somebody wants it", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      await store.enqueue([aJob("a"), aJob("b", { tenantId: "zeta" })]);
      await store.fail(await claimOne(store), { reason: "x", retryInMs: 0 });
      for (const reason of ["first", "second"]) {
        await nextMillisecond();
        await store.fail(await claimSoon(store), { reason });
      }
      expect(await claim(store)).toEqual([]);
      const dead = await other.listDead({ limit: 10 });
      expect(dead.map(({ reason }) => reason)).toEqual(["second", "first"]);
      const [last] = dead;
      expect(last).toMatchObject({ kind: "judge", round: 1 });
      expect(dead.map(({ attempts }) => attempts).sort()).toEqual([1, 2]);
      expect(Math.abs((last?.diedAtMs ?? 0) - Date.now())).toBeLessThan(5_000);
      expect(idsOf(await other.listDead({ tenantId: "zeta", limit: 10 }))).toEqual(["b"]);
      expect(await other.listDead({ kind: "anchor", limit: 10 })).toEqual([]);
      expect(await other.listDead({ kind: "judge", limit: 1 })).toEqual([last]);
      expect(await store.retryDead("a")).toBe(true);
      expect(await store.retryDead("a")).toBe(false);
      expect(await store.retryDead("unknown")).toBe(false);
      const again = await claimOne(store);
      expect(again).toMatchObject({ id: "a", attempt: 1, round: 2, payload: aJob("a").payload });
      expect(await store.complete(again)).toBe(true);
    });

    test("a job that is given back was not tried, and keeps its place", async () => {
      await using run = await open();
      const [store] = run.stores;
      await store.enqueue([aJob("first")]);
      await nextMillisecond();
      await store.enqueue([aJob("second")]);
      const jobs = await claim(store);
      expect(await store.release(jobs)).toBe(2);
      expect(await store.release(jobs)).toBe(0);
      expect(await store.release([])).toBe(0);
      expect(await store.heartbeat(jobs, longMs)).toEqual([false, false]);
      const again = await claim(store);
      expect(again.map(({ id, attempt }) => [id, attempt])).toEqual([
        ["first", 1],
        ["second", 1],
      ]);
    });

    test("a cancelled job is not done, and who runs it learns it", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      await store.enqueue([
        aJob("dead", { priority: 9 }),
        aJob("running", { priority: 8 }),
        aJob("waiting"),
      ]);
      await store.fail(await claimOne(store), { reason: "x" });
      const running = await claimOne(store);
      for (const id of ["dead", "running", "waiting"]) {
        expect(await other.cancel(id)).toBe(true);
        expect(await other.cancel(id)).toBe(false);
      }
      expect(await other.cancel("unknown")).toBe(false);
      expect(await store.heartbeat([running], longMs)).toEqual([false]);
      expect(await store.complete(running)).toBe(false);
      expect(await claim(store)).toEqual([]);
      expect(await store.listDead({ limit: 10 })).toEqual([]);
      expect(await store.retryDead("dead")).toBe(false);
    });

    test("a job can be looked at until it is over, and nothing comes of that", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      await store.enqueue([aJob("a")]);
      const { priority: _, ...found } = aJob("a");
      expect(await other.find("a")).toEqual({ ...found, round: 1, state: "waiting" });
      await store.fail(await claimOne(store), { reason: "x" });
      expect(await other.find("a")).toEqual({ ...found, round: 1, state: "dead" });
      expect([await store.cancel("a"), await other.find("a")]).toEqual([true, undefined]);
    });

    test("the payload of what is done or cancelled is nowhere any more", async () => {
      await using run = await open();
      const [store] = run.stores;
      const secret = (id: string) =>
        aJob(id, { payload: JSON.stringify({ text: `secret-${id}` }) });
      await store.enqueue([secret("done"), secret("gone"), secret("kept")]);
      for (const job of await claim(store)) {
        if (job.id === "done") await store.complete(job);
        if (job.id === "kept") await store.fail(job, { reason: "x" });
      }
      await store.cancel("gone");
      const text = await run.everything();
      expect(text).toContain("secret-kept");
      expect(text).not.toContain("secret-done");
      expect(text).not.toContain("secret-gone");
    });

    test("the counts say what waits, runs and is dead, and for how long the oldest does", async () => {
      await using run = await open();
      const [store] = run.stores;
      expect(await store.counts()).toEqual([]);
      await store.enqueue([
        ...someJobs(4),
        aJob("later", { delayMs: longMs }),
        aJob("b", { kind: "anchor" }),
      ]);
      await nextMillisecond();
      const jobs = await claim(store, { limit: 3 });
      for (const job of jobs.slice(0, 1)) await store.fail(job, { reason: "x" });
      const counts = await store.counts();
      const judge = counts.find(({ kind }) => kind === "judge");
      expect(judge).toMatchObject({ waiting: 2, delayed: 1, running: 2, dead: 1 });
      expect(judge?.oldestMs).toBeGreaterThan(0);
      expect(judge?.oldestMs).toBeLessThan(10_000);
      const anchor = counts.find(({ kind }) => kind === "anchor");
      expect(anchor).toMatchObject({ waiting: 1, delayed: 0, running: 0, dead: 0 });
      for (const job of await claim(store)) await store.complete(job);
      await nextMillisecond();
      const [running] = (await store.counts()).filter(({ kind }) => kind === "judge");
      expect(running).toMatchObject({ waiting: 1, running: 2 });
      // Those that run are as old as they are.
      expect(running?.oldestMs).toBeGreaterThan(0);
    });

    test("what has been over for long enough is forgotten, and nothing else", async () => {
      await using run = await open();
      const [store] = run.stores;
      const ids = ["done", "dead", "cancelled", "running", "waiting"];
      await store.enqueue(ids.map((id, index) => aJob(id, { priority: 9 - index })));
      const [done, dead] = await claim(store, { limit: 4 });
      if (done !== undefined) await store.complete(done);
      if (dead !== undefined) await store.fail(dead, { reason: "x" });
      await store.cancel("cancelled");
      await nextMillisecond();
      expect(await store.prune({ overMs: longMs, deadMs: longMs })).toBe(0);
      expect(await store.prune({ overMs: 0, deadMs: longMs })).toBe(2);
      expect(idsOf(await store.listDead({ limit: 10 }))).toEqual(["dead"]);
      expect(await store.prune({ overMs: longMs, deadMs: 0 })).toBe(1);
      expect(await store.listDead({ limit: 10 })).toEqual([]);
      expect(await store.enqueue(ids.map((id) => aJob(id)))).toBe(3);
    });

    test("beyond its room nothing is enqueued, until there is some again", async () => {
      await using run = await open();
      const store = await run.openWithRoom({ jobsMax: 3, bytesMax: 1_000_000 });
      await store.enqueue(someJobs(3));
      const refused = {
        kind: "store_unavailable",
        message: expect.stringContaining("3 jobs") as string,
      };
      await expect(store.enqueue([aJob("more")])).rejects.toMatchObject(refused);
      expect(await store.enqueue([])).toBe(0);
      const [job] = await claim(store, { limit: 1 });
      expect(job).toBeDefined();
      expect(await store.enqueue([aJob("more")])).toBe(1);
      expect(await store.counts()).toMatchObject([{ waiting: 3, running: 1 }]);
    });

    test("beyond its room for payloads nothing is enqueued, and what is over or dead takes none", async () => {
      await using run = await open();
      const store = await run.openWithRoom({ jobsMax: 100, bytesMax: 20 });
      const ten = (id: string) => aJob(id, { payload: '"äöü 12"' });
      const isFull = () =>
        store.enqueue([ten(`more-${Math.random()}`)]).then(
          () => false,
          () => true,
        );
      await store.enqueue([ten("done"), ten("dead")]);
      await expect(store.enqueue([ten("more")])).rejects.toMatchObject({
        kind: "store_unavailable",
        message: expect.stringContaining("20 bytes") as string,
      });
      const [done, dead] = await claim(store);
      if (done === undefined || dead === undefined) throw new Error("they were not due");
      await store.fail(done, { reason: "x", retryInMs: 0 });
      expect(await isFull()).toBe(true);
      await store.complete(await claimSoon(store));
      await store.enqueue([ten("cancelled")]);
      expect(await isFull()).toBe(true);
      await store.fail(dead, { reason: "x" });
      await store.cancel("cancelled");
      await store.enqueue([ten("a"), ten("b")]);
      expect(await isFull()).toBe(true);
      await store.cancel("a");
      await store.retryDead(dead.id);
      expect(await isFull()).toBe(true);
      await store.fail(await claimOne(store), { reason: "x" });
      await store.cancel("b");
      for (const { id } of await store.listDead({ limit: 10 })) await store.cancel(id);
      // All is counted back to nothing: there is room for two again, and for no third.
      for (const job of await claim(store)) await store.complete(job);
      expect(await isFull()).toBe(false);
      expect(await isFull()).toBe(false);
      expect(await isFull()).toBe(true);
    });

    test("of the dead the newest are kept, and those that had to go are not enqueued again", async () => {
      await using run = await open();
      const [store] = run.stores;
      const text = (id: string) => aJob(id, { payload: JSON.stringify(`text of ${id}`) });
      for (const id of ["old", "middle", "new"]) {
        await store.enqueue([text(id)]);
        await store.fail(await claimOne(store), { reason: "x" });
        await nextMillisecond();
      }
      const terms = { overMs: longMs, deadMs: longMs };
      expect(await store.prune({ ...terms, deadMax: 3 })).toBe(0);
      expect(await store.prune({ ...terms, deadMax: 1 })).toBe(2);
      expect(idsOf(await store.listDead({ limit: 10 }))).toEqual(["new"]);
      expect(await store.counts()).toMatchObject([{ dead: 1, waiting: 0 }]);
      expect(await store.enqueue([text("old"), text("middle")])).toBe(0);
      expect(await store.retryDead("old")).toBe(false);
      const everything = await run.everything();
      expect(everything).toContain("text of new");
      expect(everything).not.toContain("text of old");
    });

    test("a job that no store can keep is refused, and all others with it", async () => {
      await using run = await open();
      const [store] = run.stores;
      const faults = [
        { id: "x".repeat(201) },
        { id: "" },
        { id: "a\nb" },
        { kind: "no kind" },
        { priority: 10 },
        { delayMs: -1 },
      ];
      for (const fields of faults) {
        const jobs = [aJob("good"), aJob("bad", fields)];
        await expect(store.enqueue(jobs)).rejects.toThrow(TypeError);
      }
      expect(await claim(store)).toEqual([]);
    });

    test("many workers never run one job at once, and each is done once", async () => {
      await using run = await open();
      await run.stores[0].enqueue(someJobs(200));
      const taken: string[] = [];
      const work = async (store: JobStore): Promise<void> => {
        for (;;) {
          const jobs = await claim(store, { limit: 7 });
          if (jobs.length === 0) return;
          taken.push(...idsOf(jobs));
          const done = await Promise.all(jobs.map((job) => store.complete(job)));
          expect(done).not.toContain(false);
        }
      };
      await Promise.all([...run.stores, ...run.stores].map(work));
      expect(taken.toSorted()).toEqual(idsOf(someJobs(200)));
    });

    test("whoever dies with a job leaves it to others, and everything else as it was", async () => {
      await using run = await open();
      const [before] = run.stores;
      const ids = ["done", "dead", "running", "waiting"];
      await before.enqueue(ids.map((id, index) => aJob(id, { priority: 9 - index })));
      await before.enqueue([aJob("later", { delayMs: longMs })]);
      await before.cancel("unknown");
      const [done, dead] = await claim(before, { limit: 2 });
      if (done !== undefined) await before.complete(done);
      if (dead !== undefined) await before.fail(dead, { reason: "x" });
      const running = await claimOne(before, { leaseMs: shortMs });

      const after = await run.restart();
      const first = await claimSoon(after);
      // Where its lease is not over yet, the other one comes first.
      const second = await claimSoon(after);
      expect(idsOf([first, second]).toSorted()).toEqual(["running", "waiting"]);
      const again = first.id === "running" ? first : second;
      expect(again).toMatchObject({ attempt: 2, payload: aJob("running").payload });
      expect(await after.complete(running)).toBe(false);
      expect(await after.complete(again)).toBe(true);
      expect(await after.counts()).toMatchObject([{ waiting: 1, delayed: 1, running: 1, dead: 1 }]);
      expect(idsOf(await after.listDead({ limit: 10 }))).toEqual(["dead"]);
      expect(await after.enqueue([...ids, "later"].map((id) => aJob(id)))).toBe(0);
    });

    test("a large batch is enqueued whole", async () => {
      await using run = await open();
      const [store] = run.stores;
      expect(await store.enqueue(someJobs(2_500))).toBe(2_500);
      expect(await store.enqueue(someJobs(2_501))).toBe(1);
      expect(await store.counts()).toMatchObject([{ waiting: 2_501 }]);
    });
  });
}
