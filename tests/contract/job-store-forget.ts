import { describe, expect, test } from "vitest";

import { aJob, claim, claimOne, idsOf, longMs } from "./job-store-run.ts";
import type { OpenJobStore } from "./job-store-run.ts";

/** What every store of jobs does with those that are to be forgotten, whether it has them or not. */
export function jobStoreForgets(name: string, open: OpenJobStore): void {
  describe(`forgotten jobs in ${name}`, () => {
    const forgotten = (...ids: readonly string[]) => ({ kind: "judge", tenantId: "acme", ids });

    test("what is forgotten is cancelled, and what was not there yet never is", async () => {
      await using run = await open();
      const [store, other] = run.stores;
      const ids = ["running", "dead", "done", "kept"];
      await store.enqueue(ids.map((id, index) => aJob(id, { priority: 9 - index })));
      const running = await claimOne(store);
      await store.fail(await claimOne(store), { reason: "x" });
      await store.complete(await claimOne(store));
      expect(await other.forget(forgotten("running", "dead", "done", "late"))).toBe(2);
      expect(await store.heartbeat([running], longMs)).toEqual([false]);
      expect(await store.listDead({ limit: 10 })).toEqual([]);
      const again = ["running", "dead", "done", "late", "new"].map((id) => aJob(id));
      expect(await store.enqueue(again)).toBe(1);
      expect(idsOf(await claim(store))).toEqual(["kept", "new"]);
      expect(await other.forget(forgotten("late"))).toBe(0);
      const [counts] = await store.counts();
      expect(counts).toMatchObject({ waiting: 0, running: 2, dead: 0 });
    });

    test("that a job was to be forgotten is itself forgotten, as what is over is", async () => {
      await using run = await open();
      const [store] = run.stores;
      await store.enqueue([aJob("a")]);
      await store.forget(forgotten("late"));
      await expect.poll(() => store.prune({ overMs: 0, deadMs: longMs })).toBe(1);
      expect(await store.enqueue([aJob("late")])).toBe(1);
    });
  });
}
