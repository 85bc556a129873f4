import { expect, test } from "vitest";

import { periodIdsOf } from "../../src/pipeline/limits/budget-periods.ts";
import { memoryLimitStore } from "../../src/stores/memory/limit-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import { admitted, hard, money, nothing, ofKey, refused, sumsOf } from "./limit-store-run.ts";
import type { LimitStoreRun } from "./limit-store-run.ts";
import { limitStoreContract } from "./limit-store.ts";

function openMemory(
  clock = manualClock(),
  spent: Parameters<typeof memoryLimitStore>[0]["spent"] = [],
) {
  const store = memoryLimitStore({ clock, spent });
  const run: LimitStoreRun = {
    replicas: [store],
    nowEpochMs: () => clock.epochMs(),
    pass: (ms) => {
      clock.advance(ms);
      return Promise.resolve();
    },
    settle: (lease, used) => {
      store.settle(lease, used);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
  return { run, store, clock };
}

limitStoreContract("memory", () => Promise.resolve(openMemory().run));

const dayMs = 86_400_000;

test("what the ledger says was spent in periods that hold now is counted from the start", async () => {
  const clock = manualClock();
  const [day, week, month, total] = periodIdsOf(clock.epochMs());
  const [yesterday] = periodIdsOf(clock.epochMs() - dayMs);
  const ofAcme = (keyId: string | undefined, periodId = "", spentNanoUsd = 0n) => ({
    tenantId: "acme",
    keyId,
    periodId,
    spentNanoUsd,
  });
  await using run = openMemory(clock, [
    ofAcme(undefined, day, 5n),
    ofAcme(undefined, yesterday, 1_000n),
    ofAcme(undefined, week, 6n),
    ofAcme(undefined, month, 7n),
    ofAcme(undefined, total, 2n ** 60n),
    ofAcme("key-1", day, 3n),
  ]).run;
  expect(await sumsOf(run, "tenant", "day")).toEqual({ spent: 5, held: 0 });
  expect(await sumsOf(run, "tenant", "week")).toEqual({ spent: 6, held: 0 });
  expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 7, held: 0 });
  expect(await sumsOf(run, "key", "day")).toEqual({ spent: 3, held: 0 });
  // More than any budget can be: shown as the most that there is.
  const shown = await sumsOf(run, "tenant", "total");
  expect(shown).toEqual({ spent: Number.MAX_SAFE_INTEGER, held: 0 });
});

test("a budget of a day begins anew at midnight UTC", async () => {
  const { run, clock } = openMemory(manualClock(Date.UTC(2026, 10, 21, 23, 59, 59, 999)));
  const rules = [ofKey({ budgets: [hard("day", 100)] })];
  const { lease } = await admitted(run, { rules, reserve: money(100) });
  await refused(run, { rules, reserve: money(1) });
  clock.advance(1);
  await admitted(run, { rules, reserve: money(100) });
  await run.settle(lease, money(100));
  expect(await sumsOf(run, "key", "day")).toEqual({ spent: 0, held: 100 });
});

test("a lease does not expire however long its request runs", async () => {
  const { run, store, clock } = openMemory();
  const rules = [ofKey({ concurrentRequests: 1, budgets: [hard("total", 100)] })];
  const { lease } = await admitted(run, { rules, reserve: money(60) });
  clock.advance(40 * dayMs);
  await refused(run, { rules });
  expect(store.leaseCount).toBe(1);
  await run.settle(lease, money(60));
  expect(store.leaseCount).toBe(0);
  expect(await sumsOf(run, "key", "total")).toEqual({ spent: 60, held: 0 });
});

test("who has spent nothing is forgotten when its buckets are full again", async () => {
  const { run, store, clock } = openMemory();
  const rules = [ofKey({ requestsPerMinute: 10, tokensPerMinute: 1_000 })];
  const idle = { rules, reserve: { tokens: 1_000, nanoUsd: 9 } };
  for (let count = 0; count < 500; count += 1) {
    const { lease } = await admitted(run, { ...idle, keyId: `idle-${count}` });
    await run.settle(lease, { tokens: 1_000, nanoUsd: 0 });
  }
  expect(store.accountCount).toBeGreaterThan(500);
  clock.advance(30_000);
  for (let count = 0; count < 300; count += 1) await admitted(run, { tenantId: "busy" });
  // Half a minute is not enough for an empty bucket.
  expect(store.accountCount).toBeGreaterThan(500);
  clock.advance(30_000);
  for (let count = 0; count < 300; count += 1) await admitted(run, { tenantId: "busy" });
  expect(store.accountCount).toBeLessThan(5);
});

test("what was spent is remembered however long its owner is idle", async () => {
  const { run, clock } = openMemory();
  const { lease } = await admitted(run, { keyId: "saver" });
  await run.settle(lease, money(33));
  for (let month = 0; month < 12; month += 1) {
    clock.advance(31 * dayMs);
    for (let count = 0; count < 20; count += 1) await admitted(run, { tenantId: "busy" });
  }
  expect(await sumsOf(run, "key", "total", { keyId: "saver" })).toEqual({ spent: 33, held: 0 });
  expect(await sumsOf(run, "key", "month", { keyId: "saver" })).toEqual({ spent: 0, held: 0 });
  expect(await sumsOf(run, "tenant", "total")).toEqual({ spent: 33, held: 0 });
});

test("an id that is admitted already is a fault of ours, not a second lease", async () => {
  const { run, store } = openMemory();
  const { lease } = await admitted(run);
  await expect(admitted(run, { id: lease.id })).rejects.toThrow("admitted already");
  expect(store.leaseCount).toBe(1);
  await run.settle(lease, nothing);
});
