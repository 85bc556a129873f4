import { afterAll, beforeAll, describe } from "vitest";

import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { openRedisSemanticStore } from "../../src/stores/redis/semantic/semantic-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { answerBytesMax, shardEntriesMax } from "../support/semantic-run.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { semanticStoreContract } from "./semantic-store.ts";

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

/** However busy the machine is: `semantic-store-redis-faults.test.ts` has what happens when it takes too long. */
const answerMs = 10_000;

function suite(name: string, start: () => Promise<Servers>): void {
  describe(`with ${name}`, () => {
    const resources = new AsyncDisposableStack();
    let servers: Servers;
    let redis: RedisConnection;
    let background: RedisConnection;

    beforeAll(async () => {
      servers = resources.use(await start());
      redis = resources.use(await openRedis({ urls: servers.urls, purpose: "books" }));
      background = resources.use(await openRedis({ urls: servers.urls, purpose: "books" }));
    });
    afterAll(() => resources.disposeAsync());

    semanticStoreContract(name, async () => {
      await Promise.all(servers.nodes.map((node) => node.command("FLUSHALL")));
      const clock = manualClock(startEpochMs);
      const store = openRedisSemanticStore({
        redis,
        background,
        clock,
        tenantBytesMax: 64 * 1024 * 1024,
        answerBytesMax,
        shardEntriesMax,
        answerMs,
      });
      return { store, clock, [Symbol.asyncDispose]: () => store[Symbol.asyncDispose]() };
    });
  });
}

suite("one Redis", single);
suite("a Redis Cluster", startRedisCluster);
