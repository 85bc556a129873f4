import { setTimeout as passed } from "node:timers/promises";

import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { newId } from "../../src/lib/ids.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { PartHealth } from "../../src/lib/part-health.ts";
import type { Admission, AdmitRequest, LimitStore } from "../../src/pipeline/limits/limit-store.ts";
import { keysOf, replicasKey } from "../../src/stores/redis/limits/keys.ts";
import { redisLimitStore } from "../../src/stores/redis/limits/limit-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { answerMsMax } from "../../src/stores/redis/request-gate.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import type { FaultProxy } from "../support/fault-proxy.ts";
import { startRedis, startRedisCluster, startRedisPair, untilTrue } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { settleInRedis } from "../support/settle-in-redis.ts";
import { hard, money, nothing, ofKey, ofTenant } from "./limit-store-run.ts";

/** What the contract allows to be added to a request before the breaker is open, and after. */
const addedMsMax = 60;
const openMsMax = 1;

interface Replica extends AsyncDisposable {
  readonly store: LimitStore;
  readonly redis: RedisConnection;
  readonly health: PartHealth;
}

async function startReplica(urls: readonly string[]): Promise<Replica> {
  const redis = await openRedis({ urls, purpose: "requests" });
  const health = new PartHealth("limits", systemClock);
  const store = redisLimitStore({ redis, clock: systemClock, health });
  return {
    store,
    redis,
    health,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await redis[Symbol.asyncDispose]();
    },
  };
}

async function ask(
  { store }: Pick<Replica, "store">,
  different: Partial<AdmitRequest> = {},
): Promise<Admission> {
  return store.admit({
    id: newId(),
    tenantId: "acme",
    keyId: "key-1",
    startedEpochMs: Date.now(),
    rules: generous,
    reserve: money(1),
    ...different,
  });
}

const generous = [
  ofTenant({ requestsPerMinute: 1_000_000, budgets: [hard("total", 1_000_000_000)] }),
];
const rated = [ofTenant({ requestsPerMinute: 6_000 })];

const isLocal = (admission: Admission): boolean =>
  admission.kind === "admitted" && admission.lease.isLocal;

/**
 * Asks until Redis is asked no more, and says how long that took a request: the median, without what a timer of
 * ours was late beside it, as the machine is shared.
 */
async function untilAlone(replica: Replica): Promise<number> {
  const times: number[] = [];
  await untilTrue("the breaker is open", async () => {
    const startMs = performance.now();
    const timer = passed(answerMsMax).then(() => performance.now() - startMs - answerMsMax);
    await ask(replica, { rules: rated });
    const tookMs = performance.now() - startMs;
    times.push(tookMs - (await timer));
    return replica.health.isDegraded;
  });
  return median(times);
}

const untilShared = (replica: Replica, waitMs?: number): Promise<void> =>
  untilTrue(
    "Redis counts again",
    async () => !isLocal(await ask(replica, { rules: rated })),
    waitMs,
  );

/**
 * A sentinel that did not get to run for two seconds does nothing for the next thirty.
 * (https://redis.io/docs/latest/operate/oss_and_stack/management/sentinel/, "TILT mode")
 */
const electionMs = 45_000;

/** So that both know that there are two. */
async function untilCounted(server: RedisServer, count: number): Promise<void> {
  await untilTrue(
    `${count} replicas have said that they are there`,
    async () => Number(await server.command("ZCARD", replicasKey)) === count,
  );
}

function medianMs(count: number, run: () => unknown): number {
  const times = Array.from({ length: count }, () => {
    const startMs = performance.now();
    run();
    return performance.now() - startMs;
  });
  return median(times);
}

const median = (values: readonly number[]): number =>
  values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? 0;

describe("behind a network that fails", () => {
  const resources = new AsyncDisposableStack();
  let server: RedisServer;
  let proxy: FaultProxy;
  let replica: Replica;

  beforeAll(async () => {
    server = resources.use(await startRedis());
    proxy = resources.use(await startFaultProxy(server));
    replica = resources.use(await startReplica([`redis://${proxy.host}:${proxy.port}`]));
  });
  afterAll(() => resources.disposeAsync());
  beforeEach(async () => {
    proxy.heal();
    await untilShared(replica);
    await server.command("FLUSHALL");
    expect(isLocal(await ask(replica))).toBe(false);
  });

  const faults: readonly (readonly [string, () => unknown])[] = [
    ["a black hole", () => proxy.blackHole()],
    ["200 ms more", () => proxy.delay(200)],
    ["a refused connection", () => proxy.refuse()],
    ["a stopped process", () => server.pause()],
  ];

  test.each(faults)(
    "%s costs a request 60 ms at most, and the later ones nothing",
    async (_, fail) => {
      await fail();
      expect(await untilAlone(replica)).toBeLessThan(addedMsMax);
      expect(replica.health.detail).toMatch(/^Redis does not count limits: /);
      const answers: Promise<Admission>[] = [];
      expect(medianMs(200, () => answers.push(ask(replica)))).toBeLessThan(openMsMax);
      expect((await Promise.all(answers)).every(isLocal)).toBe(true);
      server.resume();
      proxy.heal();
      await untilShared(replica);
      expect(replica.health.isDegraded).toBe(false);
    },
  );

  test("a burst in a black hole waits once, all of it together", async () => {
    proxy.blackHole();
    const asked = Array.from({ length: 200 }, () => ask(replica));
    const sentMs = performance.now();
    const answers = await Promise.all(asked);
    expect(performance.now() - sentMs).toBeLessThan(2 * addedMsMax);
    expect(answers.every(isLocal)).toBe(true);
  });

  test("what Redis runs too late is taken back, and reserves nothing", async () => {
    const rules = [ofTenant({ concurrentRequests: 5, budgets: [hard("total", 1_000)] })];
    const request = { tenantId: "late", rules, reserve: money(10) };
    const first = await ask(replica, request);
    proxy.blackHole();
    await Promise.all(Array.from({ length: 4 }, () => ask(replica, request)));
    proxy.heal();
    await untilShared(replica);
    const { running, holds, budget } = keysOf("late");
    await untilTrue("nothing but the first is held", async () => {
      const held = await server.command("HGET", budget("t"), "h:");
      const counts = await Promise.all(
        [running(""), holds].map((key) => server.command("ZCARD", key)),
      );
      return JSON.stringify([held, ...counts]) === JSON.stringify(["10", 1, 1]);
    });
    expect(first.kind).toBe("admitted");
  });

  test("a place that could not be given back is given back when Redis answers", async () => {
    const rules = [ofKey({ concurrentRequests: 1 })];
    const admission = await ask(replica, { tenantId: "places", rules });
    if (admission.kind === "refused") return expect.fail("refused");
    await proxy.refuse();
    await untilAlone(replica);
    replica.store.settle(admission.lease, nothing);
    proxy.heal();
    await untilShared(replica);
    await untilTrue("the place is free", async () => {
      const next = await ask(replica, { tenantId: "places", rules });
      return next.kind === "admitted" && !next.lease.isLocal;
    });
  });

  test("scripts that Redis has forgotten are sent again", async () => {
    await server.command("SCRIPT", "FLUSH");
    expect(isLocal(await ask(replica))).toBe(false);
  });
});

describe("without Redis", () => {
  test("rates are counted by each replica, hard budgets refuse, and soft ones are open", async () => {
    await using server = await startRedis();
    const { port } = server;
    await server.kill();
    await using redis = await openRedis({
      urls: [`redis://127.0.0.1:${port}`],
      purpose: "requests",
    });
    await using store = redisLimitStore({ redis, clock: systemClock });
    const soft = [ofKey({ budgets: [{ period: "day", limitNanoUsd: 5, isHard: false }] })];
    expect(await ask({ store }, { rules: soft, reserve: money(10) })).toMatchObject({
      kind: "admitted",
    });
    const rules = [ofTenant({ requestsPerMinute: 2 })];
    expect(isLocal(await ask({ store }, { rules }))).toBe(true);
    expect(isLocal(await ask({ store }, { rules }))).toBe(true);
    expect(await ask({ store }, { rules })).toMatchObject({ kind: "refused" });
    await expect(ask({ store })).rejects.toMatchObject({ kind: "store_unavailable" });
    await server.restart();
    await untilTrue("Redis counts", async () => !isLocal(await ask({ store }, { rules: rated })));
    expect(await ask({ store })).toMatchObject({ kind: "admitted", lease: { isLocal: false } });
  });
});

describe("two replicas that lose Redis", () => {
  const resources = new AsyncDisposableStack();
  let server: RedisServer;
  let proxy: FaultProxy;
  let cut: Replica;
  let other: Replica;

  beforeAll(async () => {
    server = resources.use(await startRedis());
    proxy = resources.use(await startFaultProxy(server));
    cut = resources.use(await startReplica([`redis://${proxy.host}:${proxy.port}`]));
    other = resources.use(await startReplica([server.url]));
    await untilCounted(server, 2);
    // The first heard of itself alone.
    await proxy.refuse();
    await untilAlone(cut);
    proxy.heal();
    await untilShared(cut);
  });
  afterAll(() => resources.disposeAsync());

  /** What is spent in all by replicas that ask until they are refused. Each request costs what it reserves. */
  async function spendAll(replicas: readonly Replica[], request: Partial<AdmitRequest>) {
    let admitted = 0;
    for (const replica of replicas) {
      for (let refusals = 0; refusals < 3;) {
        const answer = await ask(replica, request).catch(() => undefined);
        if (answer?.kind !== "admitted") {
          refusals += 1;
          continue;
        }
        admitted += 1;
        replica.store.settle(answer.lease, request.reserve ?? nothing);
        if (!answer.lease.isLocal) {
          await settleInRedis(other.redis, answer.lease, request.reserve ?? nothing);
        }
      }
    }
    return admitted;
  }

  async function loseAndFind(): Promise<AsyncDisposable> {
    await proxy.refuse();
    await untilAlone(cut);
    return {
      [Symbol.asyncDispose]: async () => {
        proxy.heal();
        await untilShared(cut);
      },
    };
  }

  test("a hard budget is spent to 105 % at most when one of them lost it", async () => {
    const limit = 10_000;
    const request = {
      tenantId: "budget-one",
      rules: [ofTenant({ budgets: [hard("month", limit)] })],
      reserve: money(10),
    };
    await ask(cut, request);
    await ask(other, request);
    await using _cut = await loseAndFind();
    const count = await spendAll([cut, other], request);
    expect(count * 10).toBeLessThanOrEqual(limit * 1.05);
    // The one that has Redis spends all that is left, the other its share: 2.5 %.
    expect(count * 10).toBeGreaterThanOrEqual(limit * 1.02);
  });

  test("what remained bounds the share, and a budget that is spent is refused as such", async () => {
    const limit = 10_000;
    const rules = [ofKey({ budgets: [hard("day", limit)] })];
    const request = { tenantId: "budget-spent", rules };
    await ask(cut, { ...request, reserve: money(limit - 30) });
    await using _cut = await loseAndFind();
    const answers: string[] = [];
    for (let count = 0; count < 4; count += 1) {
      const answer = await ask(cut, { ...request, reserve: money(5) }).catch(() => undefined);
      answers.push(answer?.kind ?? "unavailable");
    }
    // Half of the 30 that remained.
    expect(answers).toEqual(["admitted", "admitted", "admitted", "unavailable"]);
    expect(await ask(cut, { ...request, reserve: money(31) })).toMatchObject({
      kind: "refused",
      refusal: { limit: "budget", limitNanoUsd: limit, spentNanoUsd: limit - 30 },
    });
  });

  test("a running answer gets more from its replica's share, and no more than that", async () => {
    const rules = [ofKey({ budgets: [hard("day", 10_000)] })];
    const admission = await ask(cut, { tenantId: "extend", rules, reserve: money(10) });
    if (admission.kind === "refused") return expect.fail("refused");
    await using _cut = await loseAndFind();
    expect(await cut.store.extend(admission.lease, money(200))).toBe(true);
    expect(await cut.store.extend(admission.lease, money(100))).toBe(false);
    cut.store.settle(admission.lease, money(210));
  });

  test("a rate is 150 % at most when one of them lost it", async () => {
    const limit = 300;
    const request = { tenantId: "rate-one", rules: [ofTenant({ requestsPerMinute: limit })] };
    await ask(cut, request);
    await ask(other, request);
    const startMs = performance.now();
    await using _cut = await loseAndFind();
    const count = await spendAll([cut, other], request);
    const refilled = ((performance.now() - startMs) * limit) / 60_000;
    expect(count).toBeLessThanOrEqual(1.5 * (limit + refilled));
    expect(count).toBeGreaterThanOrEqual(1.4 * limit);
  });

  test("a rate is 105 % at most when all of them lost it, also one that was used up before", async () => {
    const limit = 300;
    const request = { tenantId: "rate-all", rules: [ofTenant({ requestsPerMinute: limit })] };
    const startMs = performance.now();
    let before = 0;
    for (; before < 200; before += 2) await Promise.all([ask(cut, request), ask(other, request)]);
    await server.kill();
    await Promise.all([untilAlone(cut), untilAlone(other)]);
    const after = await spendAll([cut, other], request);
    const refilled = ((performance.now() - startMs) * limit) / 60_000;
    await server.restart();
    await Promise.all([untilShared(cut), untilShared(other)]);
    expect(before + after).toBeLessThanOrEqual(1.05 * (limit + refilled));
    expect(before + after).toBeGreaterThanOrEqual(0.95 * limit);
  });
});

describe("when Redis itself changes", () => {
  test("after a failover the new master counts, and nobody is told less than the degradation table says", async () => {
    await using pair = await startRedisPair();
    await using replica = await startReplica([pair.url]);
    const changes: string[] = [];
    replica.redis.onServerChange(({ runId }) => changes.push(runId));
    expect(isLocal(await ask(replica))).toBe(false);
    await pair.master.kill();
    await untilAlone(replica);
    await untilShared(replica, electionMs);
    expect(await pair.replica.command("EXISTS", keysOf("acme").rates)).toBe(1);
    await untilTrue("the change of servers is noticed", () => Promise.resolve(changes.length > 0));
  }, 90_000);

  test("a Redis that is full is not waited for, and its share is admitted", async () => {
    await using server = await startRedis({ maxMemory: "3mb" });
    await using replica = await startReplica([server.url]);
    expect(isLocal(await ask(replica))).toBe(false);
    const text = "x".repeat(100_000);
    for (let index = 0; index < 100; index += 1) {
      try {
        await server.command("SET", `filler-${index}`, text);
      } catch {
        break; // Full, as wanted.
      }
    }
    await server.command("CONFIG", "SET", "maxmemory", "1mb");
    await untilAlone(replica);
    expect(replica.health.detail).toContain("OOM");
    expect(isLocal(await ask(replica, { rules: rated }))).toBe(true);
    await server.command("CONFIG", "SET", "maxmemory", "0");
    await untilShared(replica);
  });

  test("of a cluster one server can be gone, and the tenants of the others notice nothing", async () => {
    await using cluster = await startRedisCluster();
    await using replica = await startReplica(cluster.urls);
    const tenants = Array.from({ length: 12 }, (_, index) => `tenant-${index}`);
    for (const tenantId of tenants) expect(isLocal(await ask(replica, { tenantId }))).toBe(false);
    const [gone] = cluster.nodes;
    if (gone === undefined) return expect.fail("no nodes");
    const isOnGone = async (tenantId: string): Promise<boolean> =>
      (await cluster.nodeOf(keysOf(tenantId).rates)) === gone;
    const places = await Promise.all(tenants.map(async (tenantId) => isOnGone(tenantId)));
    gone.pause();
    const lost = tenants.find((_, index) => places[index] === true) ?? "";
    await untilTrue("the breaker is open", async () => {
      await ask(replica, { tenantId: lost });
      return replica.health.isDegraded;
    });
    const answers = await Promise.all(tenants.map((tenantId) => ask(replica, { tenantId })));
    expect(answers.map(isLocal)).toEqual(places);
    gone.resume();
    await untilTrue(
      "all of it is back",
      async () => !isLocal(await ask(replica, { tenantId: lost })),
    );
  });
});
