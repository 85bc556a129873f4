import { setTimeout as passed } from "node:timers/promises";

import { afterAll, beforeAll, describe } from "vitest";

import { systemClock } from "../../src/lib/clock.ts";
import { keysOf } from "../../src/stores/redis/limits/keys.ts";
import { redisLimitStore } from "../../src/stores/redis/limits/limit-store.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";
import type { RedisServer } from "../support/redis.ts";
import { settleInRedis } from "../support/settle-in-redis.ts";
import type { LimitStoreRun, OpenLimitStore } from "./limit-store-run.ts";
import { limitStoreContract } from "./limit-store.ts";

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

/** What is tested here is how Redis counts, however busy the machine is; `limit-store-redis-faults.test.ts` has the rest. */
const answerMs = 10_000;

/** The servers and the connections of two replicas are there for all tests; the stores are new for each. */
function suite(name: string, start: () => Promise<Servers>): void {
  describe(`with ${name}`, () => {
    const resources = new AsyncDisposableStack();
    let servers: Servers;
    let connections: [RedisConnection, RedisConnection];

    beforeAll(async () => {
      servers = resources.use(await start());
      const open = () => openRedis({ urls: servers.urls, purpose: "books" });
      connections = [resources.use(await open()), resources.use(await open())];
    });
    afterAll(() => resources.disposeAsync());

    const openStore: OpenLimitStore = async () => {
      await Promise.all(servers.nodes.map((node) => node.command("FLUSHALL")));
      const [first, second] = connections;
      let looks = 0;
      const replicas = [
        redisLimitStore({ redis: first, clock: systemClock, answerMs }),
        redisLimitStore({ redis: second, clock: systemClock, answerMs }),
      ] as const;
      return {
        replicas,
        // Whole milliseconds, and Redis counts parts of them: from its start on no less passes here than there.
        nowEpochMs: () => Date.now() + (looks++ === 0 ? 0 : 1),
        pass: (ms) => passed(ms),
        settle: async (lease, used, store = replicas[0]) => {
          store.settle(lease, used);
          // Places are given back over the replica's connection, which keeps the order.
          await settleInRedis(store === replicas[1] ? second : first, lease, used, Date.now() + 1);
        },
        expireLeases: () => expireLeases(first),
        [Symbol.asyncDispose]: async () => {
          await Promise.all(replicas.map((store) => store[Symbol.asyncDispose]()));
        },
      } satisfies LimitStoreRun;
    };
    limitStoreContract(name, openStore);
  });
}

async function expireLeases({ client }: RedisConnection): Promise<void> {
  const { holds, running } = keysOf("acme");
  for (const key of [holds, running(""), running("key-1")]) {
    const ids = (await client.call("ZRANGE", key, "0", "-1")) as string[];
    for (const id of ids) await client.call("ZADD", key, "1", id);
  }
}

suite("one Redis", single);
suite("a Redis Cluster", startRedisCluster);
