import { expect, test } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import { leaseMs } from "../../src/pipeline/limits/limit-store.ts";
import { keysOf } from "../../src/stores/redis/limits/keys.ts";
import { LeaseKeeper } from "../../src/stores/redis/limits/lease-keeper.ts";
import { redisLimitStore } from "../../src/stores/redis/limits/limit-store.ts";
import { planOf } from "../../src/stores/redis/limits/plan.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { inspectServers } from "../../src/stores/redis/inspect.ts";
import { scriptOf } from "../../src/stores/redis/script.ts";
import { serverProblem } from "../../src/stores/redis/server-info.ts";
import { startRedis, startRedisCluster, startRedisPair, untilTrue } from "../support/redis.ts";
import { hard, money, ofKey, ofTenant } from "./limit-store-run.ts";

function keptLog() {
  const lines: string[] = [];
  const keep = (_: unknown, message?: string): void => void lines.push(message ?? "");
  return { lines, info: keep, warn: keep };
}

test("a start warns of a Redis that evicts, and of one that forgets, with the fix", async () => {
  await using server = await startRedis({ args: ["--maxmemory-policy", "allkeys-lru"] });
  const log = keptLog();
  await using redis = await openRedis({ urls: [server.url], purpose: "requests", log });
  expect(redis.isReady).toBe(true);
  expect(log.lines.join("\n")).toMatch(/CONFIG SET maxmemory-policy noeviction/);
  expect(log.lines.join("\n")).toMatch(/CONFIG SET appendonly yes/);
});

test("a Redis that is set up well is no reason for a line in the log", async () => {
  await using server = await startRedis({ appendOnly: true });
  const log = keptLog();
  await using _redis = await openRedis({ urls: [server.url], purpose: "requests", log });
  expect(log.lines).toEqual([]);
});

test("a wrong password stops the start with a sentence that does not hold it", async () => {
  await using server = await startRedis({ password: "right-password" });
  const wrong = server.url.replace("right", "wrong");
  const start = openRedis({ urls: [wrong], purpose: "requests" });
  await expect(start).rejects.toThrow(/^Redis refuses the connection .*SENTINEL_REDIS_URL/);
  await expect(start).rejects.not.toThrow(/wrong-password/);
  await using redis = await openRedis({ urls: [server.url], purpose: "books" });
  expect(await redis.client.ping()).toBe("PONG");
});

test("a version that lacks what is needed is named with the fix, and Valkey will do", () => {
  const info = { runId: "x", isMaster: true, evictionPolicy: "noeviction", isPersistent: true };
  expect(serverProblem({ ...info, version: "6.2.14" })).toMatch(/6\.2\.14.*needs 7 or later/);
  expect(serverProblem({ ...info, version: "7.2.4" })).toBeUndefined();
  expect(serverProblem({ ...info, version: "8.0.0" })).toBeUndefined();
});

test("a restart of the server is noticed, and scripts run on as if nothing had been", async () => {
  await using server = await startRedis();
  await using redis = await openRedis({ urls: [server.url], purpose: "books" });
  const changes: string[] = [];
  redis.onServerChange(({ runId }) => changes.push(runId));
  const script = scriptOf("echo", "return ARGV[1]");
  expect(await redis.run(script, ["{a}:k"], ["1"])).toBe("1");
  await server.restart();
  await untilTrue("the connection is back", () =>
    Promise.resolve(changes.length === 1 && redis.isReady),
  );
  expect(await redis.run(script, ["{a}:k"], ["2"])).toBe("2");
});

test("in a cluster each key goes to its server, whoever is asked where that is", async () => {
  await using cluster = await startRedisCluster();
  await using redis = await openRedis({ urls: cluster.urls.slice(0, 2), purpose: "books" });
  for (const key of ["{a}:x", "{b}:x", "{c}:x", "{d}:x"]) {
    const node = await cluster.nodeOf(key);
    expect(redis.nodeOf(key)).toBe(`${node.host}:${node.port}`);
    await redis.client.set(key, "here");
    expect(await node.command("GET", key)).toBe("here");
  }
});

test("the leases of requests that run are prolonged, those that are over are not", async () => {
  await using server = await startRedis();
  await using redis = await openRedis({ urls: [server.url], purpose: "books" });
  await using store = redisLimitStore({ redis, clock: systemClock, answerMs: 10_000 });
  await using keeper = new LeaseKeeper(redis);
  const rules = [
    ofTenant({ concurrentRequests: 9, budgets: [hard("total", 100)] }),
    ofKey({ concurrentRequests: 9 }),
  ];
  const { holds, running } = keysOf("acme");
  const sets = [holds, running(""), running("key-1")];
  for (const id of ["runs", "is-over"]) {
    const request = { id, tenantId: "acme", keyId: "key-1", startedEpochMs: Date.now(), rules };
    const admission = await store.admit({ ...request, reserve: money(10) });
    if (admission.kind === "refused") return expect.fail("refused");
    keeper.add(admission.lease, planOf(admission.lease));
    if (id === "is-over") keeper.end(admission.lease, planOf(admission.lease));
  }
  const almostOver = String(Date.now() + 5_000);
  for (const set of sets) await redis.client.zadd(set, "XX", almostOver, "runs");
  await redis.client.zadd(holds, almostOver, "is-over");
  await keeper.renew();
  for (const set of sets) {
    expect(Number(await redis.client.zscore(set, "runs"))).toBeGreaterThan(
      Date.now() + leaseMs / 2,
    );
  }
  expect(await redis.client.zscore(holds, "is-over")).toBe(almostOver);
  expect(await redis.client.zscore(running(""), "is-over")).toBeNull();
});

test("behind Redis Sentinel the doctor names the server that is master", async () => {
  await using pair = await startRedisPair();
  await using redis = await openRedis({ urls: [pair.url], purpose: "reports" });
  const names = (await inspectServers(redis)).map(({ name }) => name);
  expect(names).toEqual([`${pair.master.host}:${pair.master.port}`]);
});
