import { afterEach, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import type { ExactCache, Purge, StoredAnswer } from "../../src/pipeline/cache/cache-store.ts";
import { MemoryExactCache } from "../../src/stores/memory/exact-cache.ts";
import { layeredExactStore } from "../../src/stores/memory/layered-exact-store.ts";
import { openRedisExactStore } from "../../src/stores/redis/cache/exact-store.ts";
import type {
  RedisExactStore,
  RedisExactStoreOptions,
} from "../../src/stores/redis/cache/exact-store.ts";
import { cacheKeys, purgesKey } from "../../src/stores/redis/cache/keys.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startRedis, startRedisCluster, untilTrue } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { anAnswer } from "../support/stored-answers.ts";

/** The exact tier as replicas share it, and as it is when Redis is not as it should be. */

let resources: AsyncDisposableStack;
beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync());

interface Replica {
  readonly shared: RedisExactStore;
  readonly both: ExactCache;
  readonly memory: MemoryExactCache;
}

const megabyte = 1024 * 1024;

async function startReplica(
  urls: readonly string[],
  options: Partial<RedisExactStoreOptions> = {},
): Promise<Replica> {
  const redis = resources.use(await openRedis({ urls, purpose: "requests" }));
  const clock = systemClock;
  const memory = new MemoryExactCache({ bytesMax: megabyte, clock });
  const shared = openRedisExactStore({
    redis,
    clock,
    tenantBytesMax: megabyte,
    onPurge: (what: Purge, atEpochMs: number) => memory.purge(what, atEpochMs),
    onMissed: () => {
      memory.clear();
    },
    ...options,
  });
  const both = layeredExactStore({ memory, store: shared, isFresh: () => shared.isFresh });
  resources.use(both);
  await untilTrue("it hears of purges", () => Promise.resolve(shared.isFresh));
  return { shared, both, memory };
}

const fresh = (fields: Parameters<typeof anAnswer>[0] = {}): StoredAnswer =>
  anAnswer({ begunEpochMs: Date.now(), ...fields });

const noise = (length: number) => ({
  kind: "whole" as const,
  bytes: crypto.getRandomValues(new Uint8Array(length)),
});

for (const [name, start] of [
  ["one Redis", async () => [resources.use(await startRedis()).url]],
  ["a Redis Cluster", async () => resources.use(await startRedisCluster()).urls],
] as const) {
  test(`with ${name} a replica serves what another stored, and a purge reaches both within a second`, async () => {
    const urls = await start();
    const [first, second] = [await startReplica(urls), await startReplica(urls)];
    await first.both.put("k", fresh());
    await first.both.put("other", fresh({ model: "o5" }));
    expect(await second.both.get("acme", "k")).toBeDefined();
    expect(await second.both.get("acme", "other")).toBeDefined();
    expect(second.both.peek("acme", "k")).toBeDefined();

    const underWay = fresh();
    const startMs = performance.now();
    expect(await first.both.purge({ tenantId: "acme", model: "gpt-5" })).toBe(1);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    for (const { both } of [first, second]) {
      expect(both.peek("acme", "k")).toBeUndefined();
      expect(await both.get("acme", "k")).toBeUndefined();
      expect(await both.get("acme", "other")).toBeDefined();
      await both.put("k", underWay);
      expect(await both.get("acme", "k")).toBeUndefined();
    }
    await second.both.put("k", fresh());
    expect(await first.both.get("acme", "k")).toBeDefined();
  });
}

test("a replica that starts later keeps nothing that began before a purge", async () => {
  const server = resources.use(await startRedis());
  const first = await startReplica([server.url]);
  const underWay = fresh();
  await first.both.purge({ tenantId: "acme" });
  await server.command("DEL", cacheKeys("acme").purges);
  const second = await startReplica([server.url]);
  await second.both.put("k", underWay);
  expect(await second.both.get("acme", "k")).toBeUndefined();
});

test("a Redis that is emptied makes misses, and everybody forgets what they had in memory", async () => {
  const server = resources.use(await startRedis());
  const replica = await startReplica([server.url]);
  await replica.both.put("k", fresh());
  expect(replica.memory.size).toBe(1);
  await server.command("FLUSHALL");
  expect(await replica.shared.get("acme", "k")).toBeUndefined();
  await untilTrue("memory is empty", () => Promise.resolve(replica.memory.size === 0));
  await replica.both.put("k", fresh());
  expect(await replica.shared.get("acme", "k")).toBeDefined();
  const other = await startReplica([server.url]);
  await other.both.purge({ tenantId: "acme" });
  expect(replica.both.peek("acme", "k")).toBeUndefined();
});

test("a Redis that does not answer holds nobody up, and what is in memory is not served blindly", async () => {
  const server = resources.use(await startRedis());
  const proxy = resources.use(await startFaultProxy(server));
  const problems: (string | undefined)[] = [];
  const replica = await startReplica([`redis://${proxy.host}:${proxy.port}`], {
    onChange: (problem) => problems.push(problem),
  });
  await replica.both.put("k", fresh());
  proxy.blackHole();
  await untilTrue("Redis is not asked any more", async () => {
    await expect(replica.shared.get("acme", "k")).rejects.toThrow("Redis does not answer");
    return problems.length === 1;
  });
  const times: number[] = [];
  for (let index = 0; index < 21; index += 1) times.push(await timeOf(replica));
  expect(times.toSorted((left, right) => left - right)[10]).toBeLessThan(1);
  await expect(replica.both.put("k2", fresh())).rejects.toThrow("Redis does not answer");
  await untilTrue("memory is not served", () =>
    Promise.resolve(replica.both.peek("acme", "k") === undefined),
  );
  proxy.heal();
  await untilTrue("Redis is asked again", () =>
    replica.shared.get("acme", "k").then(
      (answer) => answer !== undefined,
      () => false,
    ),
  );
  await untilTrue("memory is served", () =>
    Promise.resolve(replica.both.peek("acme", "k") !== undefined),
  );
  expect(problems).toEqual([expect.any(String), undefined]);
});

async function timeOf({ shared }: Replica): Promise<number> {
  const startMs = performance.now();
  await shared.get("acme", "k").catch(() => undefined);
  return performance.now() - startMs;
}

test("a purge that Redis does not take is rejected", async () => {
  const server = resources.use(await startRedis());
  const replica = await startReplica([server.url]);
  await server.kill();
  await expect(replica.both.purge({ tenantId: "acme" })).rejects.toThrow();
});

test("a damaged value, and another tenant's in its place, is a miss", async () => {
  const server = resources.use(await startRedis());
  const { shared } = await startReplica([server.url]);
  await shared.put("k", fresh());
  await shared.put("l", fresh({ tenantId: "zeta" }));
  await server.command("COPY", cacheKeys("zeta").answer("l"), cacheKeys("acme").answer("l"));
  expect(await shared.get("acme", "l")).toBeUndefined();
  await server.command("SETRANGE", cacheKeys("acme").answer("k"), 60, "damaged");
  expect(await shared.get("acme", "k")).toBeUndefined();
});

test("a tenant's answers never weigh more than their bound, nobody else's make room, and the sums are right", async () => {
  const server = resources.use(await startRedis());
  const { shared } = await startReplica([server.url], { tenantBytesMax: 100_000 });
  await shared.put("theirs", fresh({ tenantId: "zeta" }));
  for (let index = 0; index < 200; index += 1) {
    const expiresAtEpochMs = Date.now() + 60_000 + (index % 3) * 3_600_000;
    await shared.put(`k${index % 90}`, fresh({ body: noise(3_000), expiresAtEpochMs }));
    expect(sumOf(await sizesOf(server))).toBeLessThanOrEqual(100_000);
  }
  expect(await shared.get("acme", "k19")).toBeDefined();
  expect(await shared.get("zeta", "theirs")).toBeDefined();
  expect(await sizesOf(server)).toEqual(await sizesByIndex(server));
  await shared.purge({ tenantId: "acme" });
  expect(await sizesOf(server)).toEqual({});
  expect(await server.command("KEYS", "{acme}:x:*")).toEqual([]);
  expect(await server.command("KEYS", "{acme}:xi:*")).toEqual([]);
});

async function sizesOf(server: RedisServer): Promise<Record<string, number>> {
  const flat = (await server.command("HGETALL", cacheKeys("acme").sizes)) as string[];
  const found: Record<string, number> = {};
  for (let at = 0; at < flat.length; at += 2) found[flat[at] ?? ""] = Number(flat[at + 1]);
  return found;
}

async function sizesByIndex(server: RedisServer): Promise<Record<string, number>> {
  const names = (await server.command("KEYS", "{acme}:xi:*")) as string[];
  const found: Record<string, number> = {};
  for (const name of names) {
    const members = (await server.command("ZRANGE", name, 0, -1)) as string[];
    const weights = members.map((member) => Number(member.split("|")[2]));
    found[name.slice("{acme}:xi:".length)] = weights.reduce((sum, weight) => sum + weight, 0);
  }
  return found;
}

const sumOf = (sizes: Record<string, number>): number =>
  Object.values(sizes).reduce((sum, size) => sum + size, 0);

test("everything of a tenant ends by itself", async () => {
  const server = resources.use(await startRedis());
  const { shared } = await startReplica([server.url]);
  for (const [index, hours] of [1, 5, 2].entries()) {
    const expiresAtEpochMs = Date.now() + hours * 3_600_000;
    await shared.put(`k${index}`, fresh({ expiresAtEpochMs }));
  }
  await shared.purge({ tenantId: "acme", model: "another" });
  const names = (await server.command("KEYS", "*")) as string[];
  expect(names.length).toBe(3 + 3 + 3);
  for (const name of names) {
    const leftMs = Number(await server.command("PTTL", name));
    if (name === purgesKey) expect(leftMs).toBe(-1);
    else expect(leftMs).toBeGreaterThan(0);
  }
  const { sizes } = cacheKeys("acme");
  expect(Number(await server.command("PTTL", sizes))).toBeGreaterThan(4 * 3_600_000);
});

test("a server that is nearly full takes nothing more for the cache, and still gives", async () => {
  const server = resources.use(await startRedis({ maxMemory: "8mb" }));
  const roomy = await startReplica([server.url], { serverShareMax: 1 });
  await roomy.shared.put("k", fresh());
  const { shared } = await startReplica([server.url], { serverShareMax: 0.01 });
  await untilTrue("nothing is put", () =>
    shared.put("l", fresh()).then(
      () => false,
      (error: unknown) => String(error).includes("no room"),
    ),
  );
  expect(await shared.get("acme", "k")).toBeDefined();
});
