import { afterEach, beforeEach, expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import type {
  SemanticChange,
  SemanticEntry,
  SemanticStore,
} from "../../src/pipeline/cache/semantic-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { changesKey, semanticKeys } from "../../src/stores/redis/semantic/keys.ts";
import { openRedisSemanticStore } from "../../src/stores/redis/semantic/semantic-store.ts";
import type { RedisSemanticStoreOptions } from "../../src/stores/redis/semantic/semantic-store.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { startRedis, startRedisCluster, untilTrue } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { anAlias, aPair } from "../support/semantic-entries.ts";
import type { Pair } from "../support/semantic-entries.ts";

/** The semantic tier as replicas share it, and as it is when Redis is not as it should be. */

let resources: AsyncDisposableStack;
beforeEach(() => {
  resources = new AsyncDisposableStack();
});
afterEach(() => resources.disposeAsync());

interface Replica {
  readonly store: SemanticStore;
  /** What it was told since it began to listen. */
  readonly heard: SemanticChange[];
}

const megabyte = 1024 * 1024;
const where = { tenantId: "acme", shard: "a1b2c3" };

interface Urls {
  readonly requests: readonly string[];
  readonly background: readonly string[];
}

async function startReplica(
  { requests, background }: Urls,
  options: Partial<RedisSemanticStoreOptions> = {},
): Promise<Replica> {
  const store = resources.use(
    openRedisSemanticStore({
      redis: resources.use(await openRedis({ urls: requests, purpose: "requests" })),
      background: resources.use(await openRedis({ urls: background, purpose: "requests" })),
      clock: systemClock,
      tenantBytesMax: megabyte,
      ...options,
    }),
  );
  const heard: SemanticChange[] = [];
  resources.use(store.watch((change) => void heard.push(change)));
  await untilTrue("it listens", () => Promise.resolve(heard.length > 0));
  expect(heard.splice(0)).toEqual([{ kind: "unknown" }]);
  return { store, heard };
}

const both = (...urls: readonly string[]): Urls => ({ requests: urls, background: urls });

const fresh = (
  fields: Parameters<typeof aPair>[0] = {},
  entryFields: Partial<SemanticEntry> = {},
): Pair => aPair({ begunEpochMs: Date.now(), ...fields }, entryFields);

const put = (replica: Replica, { entry, answer }: Pair): Promise<void> =>
  replica.store.put(entry, answer);

const idsOf = async ({ store }: Replica): Promise<string[]> =>
  (await store.loadShard(where, 5_000)).entries.map(({ id }) => id);

const noise = (length: number) => ({
  kind: "whole" as const,
  bytes: crypto.getRandomValues(new Uint8Array(length)),
});

for (const [name, start] of [
  ["one Redis", async () => [resources.use(await startRedis()).url]],
  ["a Redis Cluster", async () => resources.use(await startRedisCluster()).urls],
] as const) {
  test(`with ${name} each replica is told once, in order, what the others did and nothing else`, async () => {
    const urls = both(...(await start()));
    const [first, second] = [await startReplica(urls), await startReplica(urls)];
    const theirs = fresh({ tenantId: "zeta" });
    const mine = fresh();
    const alias = anAlias(mine.answer, { begunEpochMs: Date.now() });
    await put(first, theirs);
    await put(first, mine);
    await first.store.put(alias, undefined);
    await first.store.tally({ ...where, answerId: mine.entry.id }, true);
    await first.store.tally({ ...where, answerId: mine.entry.id }, false);
    const tally = { answerId: mine.entry.id, confirmations: 1, refutations: 0 };
    const told: SemanticChange[] = [
      { kind: "added", entry: theirs.entry },
      { kind: "added", entry: mine.entry },
      { kind: "added", entry: alias },
      { kind: "tallied", ...where, tally },
      { kind: "tallied", ...where, tally: { ...tally, refutations: 1 } },
    ];
    await untilTrue("all is heard", () => Promise.resolve(second.heard.length >= told.length));
    expect(second.heard.splice(0)).toEqual(told);
    expect(await second.store.answerOf(alias)).toBeDefined();

    const underWay = fresh();
    const startMs = performance.now();
    expect(await first.store.purge({ tenantId: "acme", model: "gpt-5" })).toBe(2);
    expect(performance.now() - startMs).toBeLessThan(1_000);
    const removed = second.heard.splice(0);
    const ids = removed.flatMap((change) => (change.kind === "removed" ? change.entryIds : []));
    expect(ids.toSorted()).toEqual([mine.entry.id, alias.id].toSorted());
    for (const replica of [first, second]) {
      expect(await replica.store.answerOf(mine.entry)).toBeUndefined();
      expect(await replica.store.answerOf(alias)).toBeUndefined();
      expect(await replica.store.answerOf(theirs.entry)).toBeDefined();
      await put(replica, underWay);
      expect(await idsOf(replica)).toEqual([]);
    }
    const after = fresh({ begunEpochMs: Date.now() + 1 });
    await put(second, after);
    expect(await first.store.answerOf(after.entry)).toBeDefined();
    expect(second.heard).toEqual([]);
    await untilTrue("that is heard as well", () => Promise.resolve(first.heard.length > 0));
    expect(first.heard).toEqual([{ kind: "added", entry: after.entry }]);
  });
}

test("a replica that has not heard of a purge serves nothing of it, and a later one keeps nothing that began before", async () => {
  const server = resources.use(await startRedis());
  const proxy = resources.use(await startFaultProxy(server));
  const first = await startReplica(both(server.url));
  const deaf = await startReplica({
    requests: [server.url],
    background: [`redis://${proxy.host}:${proxy.port}`],
  });
  const [kept, underWay] = [fresh(), fresh()];
  await put(first, kept);
  expect(await deaf.store.answerOf(kept.entry)).toBeDefined();
  proxy.blackHole();
  await first.store.purge({ tenantId: "acme" });
  expect(await deaf.store.answerOf(kept.entry)).toBeUndefined();
  const later = await startReplica(both(server.url));
  await put(later, underWay);
  expect(await idsOf(later)).toEqual([]);
});

test("changes that are no longer there are told as unknown", async () => {
  const server = resources.use(await startRedis());
  const proxy = resources.use(await startFaultProxy(server));
  const first = await startReplica(both(server.url), { changesMax: 100 });
  const away = await startReplica({
    requests: [server.url],
    background: [`redis://${proxy.host}:${proxy.port}`],
  });
  const pair = fresh();
  await put(first, pair);
  await untilTrue("it is heard", () => Promise.resolve(away.heard.length === 1));
  proxy.blackHole();
  const tallies = Array.from({ length: 500 }, () =>
    first.store.tally({ ...where, answerId: pair.entry.id }, true),
  );
  await Promise.all(tallies);
  // Redis trims by whole nodes, of a hundred entries.
  expect(Number(await server.command("XLEN", changesKey))).toBeLessThanOrEqual(200);
  proxy.heal();
  await untilTrue("it hears again", () => Promise.resolve(away.heard.length > 1));
  expect(away.heard[1]).toEqual({ kind: "unknown" });
  expect((await away.store.loadShard(where, 10)).tallies[0]?.confirmations).toBe(500);
});

for (const [what, lose] of [
  ["emptied", (server: RedisServer) => server.command("FLUSHALL")],
  ["killed and started without what it had", (server: RedisServer) => server.restart()],
] as const) {
  test(`a Redis that is ${what} makes misses, everybody is told, and goes on`, async () => {
    const server = resources.use(await startRedis());
    const [first, second] = [
      await startReplica(both(server.url)),
      await startReplica(both(server.url)),
    ];
    const pair = fresh();
    await put(first, pair);
    await untilTrue("it is heard", () => Promise.resolve(second.heard.length === 1));
    await lose(server);
    for (const { heard } of [first, second]) {
      await untilTrue("it is told", () =>
        Promise.resolve(heard.some(({ kind }) => kind === "unknown")),
      );
    }
    await untilTrue("a look-up is a miss", () =>
      second.store.answerOf(pair.entry).then(
        (answer) => answer === undefined,
        () => false,
      ),
    );
    second.heard.splice(0);
    const next = fresh();
    await put(first, next);
    expect(await second.store.answerOf(next.entry)).toBeDefined();
    await untilTrue("it is heard", () => Promise.resolve(second.heard.length === 1));
    expect(second.heard).toEqual([{ kind: "added", entry: next.entry }]);
  });
}

test("a Redis that does not answer holds nobody up, and is asked again when it does", async () => {
  const server = resources.use(await startRedis());
  const proxy = resources.use(await startFaultProxy(server));
  const problems: (string | undefined)[] = [];
  const urls = both(`redis://${proxy.host}:${proxy.port}`);
  const { store } = await startReplica(urls, { onChange: (problem) => problems.push(problem) });
  const { entry, answer } = fresh();
  await store.put(entry, answer);
  proxy.blackHole();
  const firstMs = await timeOf(store, entry);
  expect(firstMs).toBeLessThan(500);
  await untilTrue("Redis is not asked any more", async () => {
    await timeOf(store, entry);
    return problems.length === 1;
  });
  const times: number[] = [];
  for (let index = 0; index < 21; index += 1) times.push(await timeOf(store, entry));
  expect(times.toSorted((left, right) => left - right)[10]).toBeLessThan(1);
  const next = fresh();
  await expect(store.put(next.entry, next.answer)).rejects.toThrow("Redis does not answer");
  await expect(store.loadShard(where, 10)).rejects.toThrow("Redis does not answer");
  await expect(store.tally({ ...where, answerId: entry.id }, true)).rejects.toThrow("not answer");
  proxy.heal();
  await untilTrue("Redis is asked again", () =>
    store.answerOf(entry).then(
      (found) => found !== undefined,
      () => false,
    ),
  );
  expect(problems).toEqual([expect.any(String), undefined]);
});

/** How long it takes to be told that Redis does not answer. */
async function timeOf(store: SemanticStore, entry: SemanticEntry): Promise<number> {
  const startMs = performance.now();
  await expect(store.answerOf(entry)).rejects.toThrow("Redis does not answer");
  return performance.now() - startMs;
}

test("a purge that Redis does not take is rejected", async () => {
  const server = resources.use(await startRedis());
  const { store } = await startReplica(both(server.url));
  await server.kill();
  await expect(store.purge({ tenantId: "acme" })).rejects.toThrow();
});

test("however puts and a purge of two replicas meet, nothing that began before it is left", async () => {
  const server = resources.use(await startRedis());
  const [first, second] = [
    await startReplica(both(server.url)),
    await startReplica(both(server.url)),
  ];
  for (let round = 0; round < 5; round += 1) {
    const pairs = Array.from({ length: 200 }, () => fresh({ begunEpochMs: Date.now() - 5 }));
    const puts = pairs.map(async (pair, index) => {
      // Some are on their way when the purge begins, some begin while it goes on.
      for (let turn = 0; turn < index / 4; turn += 1) await new Promise(setImmediate);
      await put(second, pair);
      const alias = anAlias(pair.answer, { begunEpochMs: Date.now() - 5 });
      if (index % 2 === 0) await second.store.put(alias, undefined);
    });
    await Promise.race(puts.slice(0, 20));
    await Promise.all([first.store.purge({ tenantId: "acme" }), ...puts]);
    // The aliases of the last may have begun after the purge: but of no answer that is there.
    expect(await idsOf(first)).toEqual([]);
    expect(await server.command("KEYS", "{acme}:sa:*")).toEqual([]);
  }
});

test("a damaged value, and another tenant's in its place, is a miss", async () => {
  const server = resources.use(await startRedis());
  const replica = await startReplica(both(server.url));
  const [mine, other, theirs] = [fresh(), fresh(), fresh({ tenantId: "zeta" })];
  for (const pair of [mine, other, theirs]) await put(replica, pair);
  const keys = semanticKeys("acme");
  const theirKeys = semanticKeys("zeta");
  await server.command("COPY", theirKeys.answer(theirs.entry.id), keys.answer(theirs.entry.id));
  await server.command("COPY", theirKeys.entry(theirs.entry.id), keys.entry(theirs.entry.id));
  const { id, answerId } = theirs.entry;
  expect(await replica.store.answerOf({ id, answerId, tenantId: "acme" })).toBeUndefined();
  await server.command("SETRANGE", keys.answer(mine.entry.id), 80, "damaged");
  expect(await replica.store.answerOf(mine.entry)).toBeUndefined();
  await server.command("SETRANGE", keys.entry(mine.entry.id), 300, "damaged");
  expect(await idsOf(replica)).toEqual([other.entry.id]);
  const place = { tenantId: "acme", embedderId: "e" };
  await server.command("SET", keys.policy("e"), "{damaged");
  expect(await replica.store.loadPolicy(place)).toBeUndefined();
});

test("a tenant's entries never weigh more than their bound, nobody else's make room, and the sums are right", async () => {
  const server = resources.use(await startRedis());
  const tenantBytesMax = 200_000;
  const replica = await startReplica(both(server.url), { tenantBytesMax, shardEntriesMax: 30 });
  const theirs = fresh({ tenantId: "zeta" });
  await put(replica, theirs);
  let last = fresh();
  for (let index = 0; index < 150; index += 1) {
    const expiresAtEpochMs = Date.now() + 60_000 + (index % 3) * 3_600_000;
    last = fresh({ body: noise(2_000), expiresAtEpochMs }, { shard: `s${index % 5}` });
    await put(replica, last);
    const alias = anAlias(last.answer, { begunEpochMs: Date.now(), shard: last.entry.shard });
    if (index % 3 === 0) await replica.store.put(alias, undefined);
    if (index % 10 === 0) await expectSums(server, tenantBytesMax);
  }
  expect(await replica.store.answerOf(last.entry)).toBeDefined();
  expect(await replica.store.answerOf(theirs.entry)).toBeDefined();
  await replica.store.purge({ tenantId: "acme" });
  expect(await server.command("GET", semanticKeys("acme").bytes)).toBe("0");
  const left = (await server.command("KEYS", "{acme}:*")) as string[];
  expect(left.toSorted()).toEqual(["{acme}:sb", "{acme}:sp"]);
});

async function expectSums(server: RedisServer, tenantBytesMax: number): Promise<void> {
  const keys = semanticKeys("acme");
  const members = (await server.command("ZRANGE", keys.index, 0, -1)) as string[];
  const flat = (await server.command("HGETALL", keys.refs)) as string[];
  const refs = new Map<string, number>();
  for (let at = 0; at < flat.length; at += 2) refs.set(flat[at] ?? "", Number(flat[at + 1]));
  const counted = new Map<string, number>();
  let sum = 0;
  for (const member of members) {
    const [, answerId = "", , weight] = member.split("|");
    counted.set(answerId, (counted.get(answerId) ?? 0) + 1);
    sum += Number(weight);
  }
  for (const [answerId, count] of counted) {
    expect(refs.get(`${answerId}:n`)).toBe(count);
    sum += refs.get(`${answerId}:w`) ?? 0;
  }
  expect(refs.size).toBe(counted.size * 2);
  expect(Number(await server.command("GET", keys.bytes))).toBe(sum);
  expect(sum).toBeLessThanOrEqual(tenantBytesMax);
  const answers = (await server.command("KEYS", "{acme}:sa:*")) as string[];
  expect(answers.length).toBe(counted.size);
}

test("everything of a tenant ends by itself", async () => {
  const server = resources.use(await startRedis());
  const replica = await startReplica(both(server.url));
  for (const hours of [1, 5, 2]) {
    const pair = fresh({ expiresAtEpochMs: Date.now() + hours * 3_600_000 });
    await put(replica, pair);
    await replica.store.tally({ ...where, answerId: pair.entry.id }, true);
  }
  await replica.store.purge({ tenantId: "acme", model: "another" });
  const names = (await server.command("KEYS", "{acme}:*")) as string[];
  expect(names.length).toBe(3 + 3 + 6);
  for (const name of names) {
    expect(Number(await server.command("PTTL", name))).toBeGreaterThan(0);
  }
  const keys = semanticKeys("acme");
  for (const name of [keys.index, keys.bytes, keys.refs, keys.entries(where.shard)]) {
    expect(Number(await server.command("PTTL", name))).toBeGreaterThan(4 * 3_600_000);
  }
});

test("what is over leaves its tenant's sums", async () => {
  const server = resources.use(await startRedis());
  const replica = await startReplica(both(server.url));
  const brief = fresh({}, { expiresAtEpochMs: Date.now() + 300 });
  await put(replica, brief);
  await untilTrue(
    "it is over",
    async () => (await replica.store.answerOf(brief.entry)) === undefined,
  );
  const next = fresh();
  await put(replica, next);
  await expectSums(server, megabyte);
  expect(await server.command("ZCARD", semanticKeys("acme").index)).toBe(1);
});

test("a server that is nearly full takes nothing more for the cache, and still gives", async () => {
  const server = resources.use(await startRedis({ maxMemory: "8mb" }));
  const roomy = await startReplica(both(server.url), { serverShareMax: 1 });
  const pair = fresh();
  await put(roomy, pair);
  const { store } = await startReplica(both(server.url), { serverShareMax: 0.01 });
  const next = fresh();
  await untilTrue("nothing is put", () =>
    store.put(next.entry, next.answer).then(
      () => false,
      (error: unknown) => String(error).includes("no room"),
    ),
  );
  expect(await store.answerOf(pair.entry)).toBeDefined();
});
