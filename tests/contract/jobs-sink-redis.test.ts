import { afterAll, beforeAll, expect, test } from "vitest";

import type { JobRoom } from "../../src/jobs/job-store.ts";
import { redisJobStore } from "../../src/stores/redis/jobs/job-store.ts";
import { redisInbox } from "../../src/stores/redis/jobs/sink-inbox.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { startRedis } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { jobsSinkContract } from "./jobs-sink.ts";

const resources = new AsyncDisposableStack();
let server: RedisServer;
let redis: RedisConnection;

beforeAll(async () => {
  server = resources.use(await startRedis());
  redis = resources.use(await openRedis({ urls: [server.url], purpose: "reports" }));
});
afterAll(() => resources.disposeAsync());

async function openRun() {
  await redis.client.flushall();
  return {
    store: redisJobStore({ redis }),
    openInbox: async (room?: JobRoom) => {
      const own = await openRedis({ urls: [server.url], purpose: "books" });
      return redisInbox({ redis: own, room });
    },
    loseAll: async () => {
      await redis.client.flushall();
    },
    losing: async (work: () => Promise<void>) => {
      const kept = await dump();
      await work();
      await redis.client.flushall();
      for (const [key, content] of kept) await redis.client.restore(key, 0, content);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function dump(): Promise<[string, Buffer][]> {
  const keys = (await redis.client.call("KEYS", "*")) as string[];
  const found: [string, Buffer][] = [];
  for (const key of keys) {
    found.push([key, await redis.client.dumpBuffer(key)]);
  }
  return found;
}

jobsSinkContract("Redis", openRun);

test("marks that nobody has moved for a month are forgotten with old jobs", async () => {
  const run = await openRun();
  await using inbox = await run.openInbox();
  for (const writer of ["old", "new"])
    await inbox.put([], { writer, from: undefined, to: "1:1:x" });
  await redis.client.zadd("{jobs}:marks:at", 1, "old");
  await run.store.prune({ overMs: 0, deadMs: 0 });
  expect(await inbox.mark("old")).toBeUndefined();
  expect(await inbox.mark("new")).toBe("1:1:x");
});
