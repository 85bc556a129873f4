import { afterAll, beforeAll, describe } from "vitest";

import { openRedisExactStore } from "../../src/stores/redis/cache/exact-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { manualClock } from "../support/manual-clock.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { answerBytesMax, exactStoreContract } from "./exact-store.ts";

interface Servers extends AsyncDisposable {
  readonly urls: readonly string[];
  readonly nodes: readonly RedisServer[];
}

const single = async (): Promise<Servers> => {
  const server = await startRedis();
  return {
    urls: [server.url],
    nodes: [server],
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
};

/** However busy the machine is: `exact-store-redis-faults.test.ts` has what happens when it takes too long. */
const answerMs = 10_000;

function suite(name: string, start: () => Promise<Servers>): void {
  describe(`with ${name}`, () => {
    const resources = new AsyncDisposableStack();
    let servers: Servers;
    let redis: RedisConnection;

    beforeAll(async () => {
      servers = resources.use(await start());
      redis = resources.use(await openRedis({ urls: servers.urls, purpose: "books" }));
    });
    afterAll(() => resources.disposeAsync());

    exactStoreContract(name, async () => {
      await Promise.all(servers.nodes.map((node) => node.command("FLUSHALL")));
      const clock = manualClock(startEpochMs);
      const store = openRedisExactStore({
        redis,
        clock,
        tenantBytesMax: 64 * 1024 * 1024,
        answerBytesMax,
        answerMs,
      });
      return { store, clock, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
    });
  });
}

suite("one Redis", single);
suite("a Redis Cluster", startRedisCluster);
