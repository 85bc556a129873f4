import { describe, expect, test } from "vitest";

import {
  admitted,
  ask,
  crowd,
  hard,
  money,
  nothing,
  ofKey,
  ofTenant,
  refused,
  sumsOf,
  tokens,
  waitOf,
} from "./limit-store-run.ts";
import type { OpenLimitStore } from "./limit-store-run.ts";
import { limitStoreModel } from "./limit-store-model.ts";

const dayMs = 86_400_000;

/**
 * What every store of limits does. Rates are tested with as much tolerance as time passes while the test runs by
 * the store's own clock: none where it stands still.
 */
export function limitStoreContract(name: string, openStore: OpenLimitStore): void {
  describe(`limits in ${name}`, () => {
    ratesContract(openStore);
    tokenSettlementContract(openStore);
    concurrencyContract(openStore);
    budgetsContract(openStore);
    extensionsContract(openStore);
    crowdsContract(openStore);
    expiryContract(openStore);
    limitStoreModel(openStore);
  });
}

function ratesContract(openStore: OpenLimitStore): void {
  test("a caller without limits is admitted, and has no quota", async () => {
    await using run = await openStore();
    const { lease, quota } = await admitted(run, { reserve: { tokens: 10, nanoUsd: 5 } });
    expect(quota).toEqual({ requests: undefined, tokens: undefined });
    expect(lease).toMatchObject({ tenantId: "acme", keyId: "key-1", rules: [] });
    expect(lease.reserved).toEqual({ tokens: 10, nanoUsd: 5 });
    await run.settle(lease, nothing);
  });

  test("a minute's requests may come at once, and the next is admitted after the wait it is told", async () => {
    await using run = await openStore();
    const rules = [ofKey({ requestsPerMinute: 30 })];
    for (let count = 0; count < 30; count += 1) await admitted(run, { rules });
    const refusal = await refused(run, { rules });
    expect(refusal).toMatchObject({ limit: "requests", scope: "key", max: 30 });
    expect(waitOf(refusal)).toBeGreaterThan(0);
    expect(waitOf(refusal)).toBeLessThanOrEqual(2_000);
    await run.pass(Math.ceil(waitOf(refusal)));
    await admitted(run, { rules });
  });

  test("the quota says what is left, and when all of it is there again", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ requestsPerMinute: 60, tokensPerMinute: 600 })];
    const { quota } = await admitted(run, { rules, reserve: tokens(200) });
    expect(quota.requests).toMatchObject({ limit: 60, remaining: 59 });
    expect(quota.tokens).toMatchObject({ limit: 600, remaining: 400 });
    expect(Math.round(quota.requests?.resetMs ?? 0)).toBe(1_000);
    expect(Math.round(quota.tokens?.resetMs ?? 0)).toBe(20_000);
  });

  test("the quota is that of the narrower of tenant and key, also when refused", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ requestsPerMinute: 3 }), ofKey({ requestsPerMinute: 1 })];
    expect((await admitted(run, { rules })).quota.requests).toMatchObject({ limit: 1 });
    const again = await ask(run, { rules });
    expect(again).toMatchObject({
      kind: "refused",
      refusal: { limit: "requests", scope: "key", max: 1 },
      quota: { requests: { limit: 1, remaining: 0 } },
    });
  });

  test("keys share their tenant's limit, each has its own, and other tenants have theirs", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ requestsPerMinute: 3 }), ofKey({ requestsPerMinute: 2 })];
    await admitted(run, { rules });
    await admitted(run, { rules });
    expect(await refused(run, { rules })).toMatchObject({ limit: "requests", scope: "key" });
    await admitted(run, { rules, keyId: "key-2" });
    const shared = await refused(run, { rules, keyId: "key-2" });
    expect(shared).toMatchObject({ limit: "requests", scope: "tenant", max: 3 });
    await admitted(run, { rules, tenantId: "zeta" });
  });

  test("a request of more tokens than the limit is refused for good", async () => {
    await using run = await openStore();
    const rules = [ofKey({ tokensPerMinute: 1_000 })];
    expect(await refused(run, { rules, reserve: tokens(1_001) })).toEqual({
      limit: "tokens",
      scope: "key",
      max: 1_000,
      retryAfterMs: undefined,
    });
    await admitted(run, { rules, reserve: tokens(1_000) });
  });

  test("of several limits in the way the one that lasts longest is named", async () => {
    await using run = await openStore();
    const budget = ofTenant({ budgets: [hard("day", 5), hard("total", 6)] });
    const rates = ofKey({ requestsPerMinute: 1, tokensPerMinute: 60 });
    await admitted(run, { rules: [rates], reserve: tokens(60) });
    // One token is there in a second, the next request in a minute; a total budget never.
    const slowest = await refused(run, { rules: [rates], reserve: tokens(1) });
    expect(slowest).toMatchObject({ limit: "requests" });
    const never = await refused(run, { rules: [rates], reserve: tokens(61) });
    expect(never).toMatchObject({ limit: "tokens", retryAfterMs: undefined });
    const reserve = { tokens: 61, nanoUsd: 7 };
    const all = await refused(run, { rules: [budget, rates], reserve });
    expect(all).toMatchObject({ limit: "budget", period: "total" });
  });

  test("who is refused has used up nothing", async () => {
    await using run = await openStore();
    const startMs = run.nowEpochMs();
    const generous = ofTenant({
      requestsPerMinute: 100,
      tokensPerMinute: 600,
      concurrentRequests: 9,
    });
    const narrow = ofKey({ budgets: [hard("month", 50)] });
    const rules = [generous, narrow];
    for (let count = 0; count < 20; count += 1) {
      await refused(run, { rules, reserve: { tokens: 100, nanoUsd: 51 } });
      await refused(run, { rules, reserve: { tokens: 601, nanoUsd: 10 } });
    }
    expect(await sumsOf(run, "key", "month")).toEqual({ spent: 0, held: 0 });
    const { quota } = await admitted(run, { rules, reserve: { tokens: 600, nanoUsd: 50 } });
    expect(quota.requests).toMatchObject({ remaining: 99 });
    expect(quota.tokens?.remaining).toBeLessThanOrEqual((run.nowEpochMs() - startMs) / 100);
  });
}

function tokenSettlementContract(openStore: OpenLimitStore): void {
  /** A token flows back each millisecond. */
  const rules = [ofTenant({ tokensPerMinute: 60_000 })];

  test("tokens that were reserved and not used are put back at once", async () => {
    await using run = await openStore();
    const startMs = run.nowEpochMs();
    const { lease } = await admitted(run, { rules, reserve: tokens(50_000) });
    await run.settle(lease, tokens(10_000));
    const { quota } = await admitted(run, { rules });
    const passedMs = run.nowEpochMs() - startMs;
    expect(quota.tokens?.remaining).toBeGreaterThanOrEqual(50_000 - passedMs);
    expect(quota.tokens?.remaining).toBeLessThanOrEqual(50_000 + passedMs);
  });

  test("what has flowed back by itself is not put back a second time", async () => {
    await using run = await openStore();
    const startMs = run.nowEpochMs();
    const { lease } = await admitted(run, { rules, reserve: tokens(60_000) });
    const heldMs = 1_500;
    await run.pass(heldMs);
    await run.settle(lease, tokens(30_000));
    const { quota } = await admitted(run, { rules });
    const otherwiseMs = run.nowEpochMs() - startMs - heldMs;
    expect(quota.tokens?.remaining).toBeGreaterThanOrEqual(30_000 - otherwiseMs);
    expect(quota.tokens?.remaining).toBeLessThanOrEqual(30_000 + otherwiseMs);
  });

  test("nothing is put back of what flowed back while it was held", async () => {
    await using run = await openStore();
    const startMs = run.nowEpochMs();
    const { lease } = await admitted(run, { rules, reserve: tokens(500) });
    const second = await admitted(run, { rules, reserve: tokens(59_500) });
    const heldMs = 600;
    await run.pass(heldMs);
    await run.settle(lease, nothing);
    const { quota } = await admitted(run, { rules });
    const otherwiseMs = run.nowEpochMs() - startMs - heldMs;
    expect(quota.tokens?.remaining).toBeGreaterThanOrEqual(heldMs);
    expect(quota.tokens?.remaining).toBeLessThanOrEqual(heldMs + otherwiseMs);
    await run.settle(second.lease, tokens(59_500));
  });

  test("tokens used beyond the reservation are a debt, which the next request waits for", async () => {
    await using run = await openStore();
    const startMs = run.nowEpochMs();
    const { lease } = await admitted(run, { rules, reserve: tokens(1_000) });
    await run.settle(lease, tokens(70_000));
    const refusal = await refused(run, { rules, reserve: tokens(1) });
    const passedMs = run.nowEpochMs() - startMs;
    expect(refusal).toMatchObject({ limit: "tokens", scope: "tenant", max: 60_000 });
    expect(waitOf(refusal)).toBeGreaterThanOrEqual(10_000 - passedMs);
    expect(waitOf(refusal)).toBeLessThanOrEqual(10_002);
  });
}

function concurrencyContract(openStore: OpenLimitStore): void {
  test("a place among concurrent requests is free again when one has ended", async () => {
    await using run = await openStore();
    const rules = [ofKey({ concurrentRequests: 2 })];
    const { lease } = await admitted(run, { rules });
    await admitted(run, { rules });
    const refusal = await refused(run, { rules });
    expect(refusal).toMatchObject({ limit: "concurrency", scope: "key", max: 2 });
    expect(waitOf(refusal)).toBeGreaterThan(0);
    await admitted(run, { rules, keyId: "key-2" });
    await run.settle(lease, nothing);
    await admitted(run, { rules });
    await refused(run, { rules });
  });

  test("settling twice frees one place and counts once", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ concurrentRequests: 2, budgets: [hard("total", 1_000)] })];
    const { lease } = await admitted(run, { rules, reserve: money(10) });
    await admitted(run, { rules, reserve: money(20) });
    await run.settle(lease, money(7));
    await run.settle(lease, money(7));
    await admitted(run, { rules });
    expect(await refused(run, { rules })).toMatchObject({ limit: "concurrency" });
    expect(await sumsOf(run, "tenant", "total")).toEqual({ spent: 7, held: 20 });
  });
}

function budgetsContract(openStore: OpenLimitStore): void {
  test.each(["day", "week", "month", "total"] as const)(
    "a hard budget of a %s admits what fits beside what is spent and held, and nothing more",
    async (period) => {
      await using run = await openStore();
      const rules = [ofKey({ budgets: [hard(period, 100)] })];
      const { lease } = await admitted(run, { rules, reserve: money(60) });
      expect(await refused(run, { rules, reserve: money(41) })).toEqual({
        limit: "budget",
        scope: "key",
        period,
        limitNanoUsd: 100,
        spentNanoUsd: 0,
        heldNanoUsd: 60,
      });
      await run.settle(lease, money(30));
      expect(await refused(run, { rules, reserve: money(71) })).toMatchObject({
        spentNanoUsd: 30,
        heldNanoUsd: 0,
      });
      await admitted(run, { rules, reserve: money(70) });
      await refused(run, { rules, reserve: money(1) });
    },
  );

  test("an answer that cost more than was reserved counts in full", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ budgets: [hard("month", 100)] })];
    const { lease } = await admitted(run, { rules, reserve: money(90) });
    await run.settle(lease, money(130));
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 130, held: 0 });
    await refused(run, { rules, reserve: money(1) });
  });

  test("a soft budget refuses nothing, and what is spent counts as in a hard one", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ budgets: [{ period: "day", limitNanoUsd: 10, isHard: false }] })];
    const { lease } = await admitted(run, { rules, reserve: money(50) });
    await run.settle(lease, money(50));
    await admitted(run, { rules, reserve: money(60) });
    expect(await sumsOf(run, "tenant", "day")).toMatchObject({ spent: 50 });
  });

  test("keys share their tenant's budget, and the narrower of the two wins", async () => {
    await using run = await openStore();
    const rules = [
      ofTenant({ budgets: [hard("month", 100)] }),
      ofKey({ budgets: [hard("month", 70)] }),
    ];
    await admitted(run, { rules, reserve: money(70) });
    expect(await refused(run, { rules, reserve: money(10) })).toMatchObject({ scope: "key" });
    const other = { rules, keyId: "key-2" };
    expect(await refused(run, { ...other, reserve: money(31) })).toMatchObject({ scope: "tenant" });
    await admitted(run, { ...other, reserve: money(30) });
    await admitted(run, { rules, tenantId: "zeta", reserve: money(70) });
  });

  test("a budget that is set later knows what was spent before", async () => {
    await using run = await openStore();
    const { lease } = await admitted(run);
    await run.settle(lease, money(40));
    for (const scope of ["tenant", "key"] as const) {
      for (const period of ["day", "week", "month", "total"] as const) {
        expect(await sumsOf(run, scope, period)).toMatchObject({ spent: 40 });
      }
    }
    await refused(run, { rules: [ofKey({ budgets: [hard("day", 50)] })], reserve: money(11) });
  });

  test("a request belongs to the periods in which it began", async () => {
    await using run = await openStore();
    const startedEpochMs = run.nowEpochMs() - dayMs;
    const rules = [ofTenant({ budgets: [hard("day", 100), hard("total", 1_000)] })];
    const { lease } = await admitted(run, { rules, startedEpochMs, reserve: money(90) });
    expect(await sumsOf(run, "tenant", "day", { startedEpochMs })).toEqual({ spent: 0, held: 90 });
    expect(await sumsOf(run, "tenant", "day")).toEqual({ spent: 0, held: 0 });
    await run.settle(lease, money(80));
    expect(await sumsOf(run, "tenant", "day")).toEqual({ spent: 0, held: 0 });
    expect(await sumsOf(run, "tenant", "total")).toEqual({ spent: 80, held: 0 });
    await admitted(run, { rules, reserve: money(100) });
  });

  test("large amounts are counted to the last nano-dollar", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ budgets: [hard("total", 9_000_000_000_000_000)] })];
    for (const nanoUsd of [4_503_599_627_370_497, 1_234_567_890_123_457]) {
      const { lease } = await admitted(run, { rules, reserve: money(nanoUsd) });
      await run.settle(lease, money(nanoUsd));
    }
    expect(await sumsOf(run, "tenant", "total")).toEqual({ spent: 5_738_167_517_493_954, held: 0 });
  });
}

function extensionsContract(openStore: OpenLimitStore): void {
  test("a running request gets more while there is room, and nothing when there is not", async () => {
    await using run = await openStore();
    const [store] = run.replicas;
    const rules = [
      ofTenant({ budgets: [hard("month", 100)] }),
      ofKey({ budgets: [hard("day", 60)] }),
    ];
    const { lease } = await admitted(run, { rules, reserve: money(10) });
    await admitted(run, { rules, keyId: "key-2", reserve: money(30) });
    expect(await store.extend(lease, money(40))).toBe(true);
    expect(await store.extend(lease, money(11))).toBe(false);
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 0, held: 80 });
    expect(await sumsOf(run, "key", "day")).toEqual({ spent: 0, held: 50 });
    expect(await store.extend(lease, money(10))).toBe(true);
    await run.settle(lease, money(60));
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 60, held: 30 });
    expect(await sumsOf(run, "key", "day")).toEqual({ spent: 60, held: 0 });
  });

  test("what is settled gets no more", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ budgets: [hard("month", 100)] })];
    const { lease } = await admitted(run, { rules, reserve: money(10) });
    await run.settle(lease, money(10));
    expect(await run.replicas[0].extend(lease, money(5))).toBe(false);
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 10, held: 0 });
  });
}

function crowdsContract(openStore: OpenLimitStore): void {
  const size = 1_000;
  const room = 100;

  test("of 1,000 requests at once, 100 get the places that there are", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ concurrentRequests: room })];
    const { leases, refusedBy } = await crowd(run, size, { rules });
    expect(leases).toHaveLength(room);
    expect(refusedBy).toEqual(new Set(["concurrency"]));
    await Promise.all(leases.map((lease) => run.settle(lease, nothing)));
    expect((await crowd(run, size, { rules })).leases).toHaveLength(room);
  });

  test("of 1,000 requests at once, 100 fit a budget of 100", async () => {
    await using run = await openStore();
    const budgets = [hard("month", room * 1_000 + 999)];
    const rules = [ofTenant({ budgets: [hard("total", 10 ** 9)] }), ofKey({ budgets })];
    const { leases, refusedBy } = await crowd(run, size, { rules, reserve: money(1_000) });
    expect(leases).toHaveLength(room);
    expect(refusedBy).toEqual(new Set(["budget"]));
    const sums = { spent: 0, held: room * 1_000 };
    expect(await sumsOf(run, "key", "month")).toEqual(sums);
    expect(await sumsOf(run, "tenant", "total")).toEqual(sums);
  });

  test("of 1,000 requests at once, 100 are within a rate of 100 and what refills meanwhile", async () => {
    await using run = await openStore();
    const rules = [ofTenant({ requestsPerMinute: 7 * room }), ofKey({ requestsPerMinute: room })];
    const startMs = run.nowEpochMs();
    const { leases, refusedBy } = await crowd(run, size, { rules });
    const refilled = Math.floor(((run.nowEpochMs() - startMs) * room) / 60_000);
    expect(leases.length).toBeGreaterThanOrEqual(room);
    expect(leases.length).toBeLessThanOrEqual(room + refilled);
    expect(refusedBy).toEqual(new Set(["requests"]));
  });

  test("of 1,000 requests at once, 100 get their tokens and what refills meanwhile", async () => {
    await using run = await openStore();
    const tokensPerMinute = room * 700;
    const rules = [ofTenant({ tokensPerMinute })];
    const startMs = run.nowEpochMs();
    const { leases, refusedBy } = await crowd(run, size, { rules, reserve: tokens(700) });
    const refilled = Math.floor(((run.nowEpochMs() - startMs) * room) / 60_000);
    expect(leases.length).toBeGreaterThanOrEqual(room);
    expect(leases.length).toBeLessThanOrEqual(room + refilled);
    expect(refusedBy).toEqual(new Set(["tokens"]));
  });
}

/** Where the count outlives the process that made it. */
function expiryContract(openStore: OpenLimitStore): void {
  test("a lease whose process died is given back, and its late settle counts in full", async (context) => {
    await using run = await openStore();
    const { expireLeases } = run;
    if (expireLeases === undefined) {
      context.skip();
      return;
    }
    const rules = [ofTenant({ concurrentRequests: 1, budgets: [hard("month", 100)] })];
    const { lease } = await admitted(run, { rules, reserve: money(90) });
    await expireLeases();
    const second = await admitted(run, { rules, reserve: money(80) });
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 0, held: 80 });
    await run.settle(lease, money(15));
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 15, held: 80 });
    expect(await refused(run, { rules })).toMatchObject({ limit: "concurrency" });
    await run.settle(second.lease, money(80));
    expect(await sumsOf(run, "tenant", "month")).toEqual({ spent: 95, held: 0 });
  });

  test("what a dead process held is given back also if a key without a budget asks first", async (context) => {
    await using run = await openStore();
    const { expireLeases } = run;
    if (expireLeases === undefined) {
      context.skip();
      return;
    }
    await admitted(run, { rules: [ofKey({ budgets: [hard("total", 100)] })], reserve: money(90) });
    await expireLeases();
    await admitted(run, { keyId: "key-2", rules: [ofKey({ requestsPerMinute: 100 })] });
    await admitted(run, { rules: [ofKey({ budgets: [hard("total", 100)] })], reserve: money(80) });
    expect(await sumsOf(run, "key", "total")).toEqual({ spent: 0, held: 80 });
  });
}
