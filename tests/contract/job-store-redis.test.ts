import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { afterAll, beforeAll, describe, expect, test } from "vitest";

import type { JobRoom } from "../../src/jobs/job-store.ts";
import { exportRedis } from "../../src/stores/redis/backup.ts";
import { redisJobStore } from "../../src/stores/redis/jobs/job-store.ts";
import { mastersOf } from "../../src/stores/redis/masters.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { dayCapsContract } from "./day-caps.ts";
import { aJob, claim, claimOne, someJobs } from "./job-store-run.ts";
import { jobStoreContract } from "./job-store.ts";
import { jobStoreForgets } from "./job-store-forget.ts";
import { jobStoreModel } from "./job-store-model.ts";

const single = async () => {
  const server = await startRedis();
  return { urls: [server.url], [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
};

/** The servers and the connections of two workers are there for all tests. */
function suite(name: string, start: () => Promise<{ urls: readonly string[] } & AsyncDisposable>) {
  describe(`with ${name}`, () => {
    const resources = new AsyncDisposableStack();
    let connections: [RedisConnection, RedisConnection];

    beforeAll(async () => {
      const { urls } = resources.use(await start());
      const open = () => openRedis({ urls, purpose: "reports" });
      connections = [resources.use(await open()), resources.use(await open())];
    });
    afterAll(() => resources.disposeAsync());

    const openStores = async () => {
      const [redis, other] = connections;
      await Promise.all(mastersOf(redis).map((node) => node.flushall()));
      return {
        redis,
        stores: [redisJobStore({ redis }), redisJobStore({ redis: other })] as const,
        openWithRoom: (room: JobRoom) => Promise.resolve(redisJobStore({ redis, room })),
        restart: () => Promise.resolve(redisJobStore({ redis })),
        everything: () => everythingIn(redis),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    };

    jobStoreContract(name, openStores);
    jobStoreForgets(name, openStores);
    dayCapsContract(name, openStores);
    if (name === "one Redis") jobStoreModel(name, openStores, 40);

    test("a job whose content is gone is in nobody's way", async () => {
      await using run = await openStores();
      const [store] = run.stores;
      await store.enqueue(someJobs(3));
      const lost = await claimOne(store, { leaseMs: 1 });
      await run.redis.client.del(`{jobs}:job:${lost.id}`, "{jobs}:job:job-0001");
      const seen = new Set<string>();
      await expect
        .poll(async () => {
          for (const { id } of await claim(store)) seen.add(id);
          return (await store.counts())[0];
        })
        .toMatchObject({ waiting: 0, running: 1 });
      expect([...seen]).toEqual(["job-0002"]);
    });

    test("a backup has no jobs, and no text of them", async () => {
      await using run = await openStores();
      await using folder = await tempFolder();
      await run.stores[0].enqueue(someJobs(3));
      await run.redis.client.set("{sentinel}:admin", "so that there is something");
      const path = join(folder.path, "backup");
      expect(await exportRedis({ redis: run.redis, path })).toEqual({ keys: 1 });
      expect(await readFile(path, "utf8")).not.toContain("job");
    });

    test("nothing but caps expires, and caps do", async () => {
      await using run = await openStores();
      const [store] = run.stores;
      await store.enqueue([aJob("a"), aJob("b")]);
      await store.complete(await claimOne(store));
      const caps = [{ id: "acme", limit: { nanoUsd: undefined, tokens: 5 } }];
      await store.reserve("2026-11-21", caps, { nanoUsd: 1, tokens: 1 });
      const keys = (await Promise.all(mastersOf(run.redis).map((node) => node.keys("*")))).flat();
      const ttls = await Promise.all(keys.map((key) => run.redis.client.pttl(key)));
      const expiring = keys.filter((_, at) => (ttls[at] ?? -1) > 0);
      expect(expiring).toEqual(["{jobs}:caps:2026-11-21"]);
      expect(keys.length).toBeGreaterThan(3);
    });
  });
}

async function everythingIn(redis: RedisConnection): Promise<string> {
  const found: unknown[] = [];
  for (const node of mastersOf(redis)) {
    for (const key of await node.keys("*")) {
      const type = await node.type(key);
      if (type === "hash") found.push(key, await node.hgetall(key));
      else if (type === "zset") found.push(key, await node.zrange(key, "0", "-1"));
      else found.push(key);
    }
  }
  return JSON.stringify(found);
}

suite("one Redis", single);
suite("a Redis Cluster", startRedisCluster);

test("jobs of a Redis that is gone say that it is unavailable", async () => {
  await using server = await startRedis();
  await using redis = await openRedis({ urls: [server.url], purpose: "reports" });
  await server.kill();
  const store = redisJobStore({ redis });
  const unavailable = { kind: "store_unavailable" };
  await expect(store.enqueue([aJob("a")])).rejects.toMatchObject(unavailable);
  await expect(claim(store)).rejects.toMatchObject(unavailable);
  await expect(store.spent("2026-11-21")).rejects.toMatchObject(unavailable);
});
