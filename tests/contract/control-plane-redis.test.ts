import { Cluster, Redis } from "ioredis";
import { afterAll, beforeAll, expect, test } from "vitest";

import { redisAlertClaims } from "../../src/stores/redis/control/alert-claims.ts";
import { redisJudgeStore } from "../../src/stores/redis/control/judge-store.ts";
import { redisProviderStore } from "../../src/stores/redis/control/provider-store.ts";
import { redisResponseOwnerStore } from "../../src/stores/redis/control/response-owner-store.ts";
import { redisTenantStore } from "../../src/stores/redis/control/tenant-store.ts";
import { startRedis, startRedisCluster } from "../support/redis.ts";
import type { RedisCluster, RedisServer } from "../support/redis.ts";
import { alertClaimsContract } from "./alert-claims.ts";
import { judgeStoreContract } from "./judge-store.ts";
import { responseOwnerStoreContract } from "./response-owner-store.ts";
import { tenantStoreContract } from "./tenant-store.ts";

let single: RedisServer;
let cluster: RedisCluster;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  single = resources.use(await startRedis());
  cluster = resources.use(await startRedisCluster());
});

afterAll(() => resources.disposeAsync());

/** An empty Redis, and the stores in it. */
async function openStores(client: Redis | Cluster) {
  const nodes = client instanceof Cluster ? client.nodes("master") : [client];
  if (client instanceof Cluster) await client.call("PING");
  await Promise.all(nodes.map((node) => node.flushall()));
  return {
    tenants: redisTenantStore(client),
    providers: redisProviderStore(client),
    owners: redisResponseOwnerStore(client),
    judges: redisJudgeStore(client),
    claims: redisAlertClaims(client),
    others: redisAlertClaims(client),
    [Symbol.asyncDispose]: () => {
      client.disconnect();
      return Promise.resolve();
    },
  };
}

const openSingle = () => openStores(new Redis(single.url));
const openCluster = async () => {
  const client = new Cluster([...cluster.urls]);
  await new Promise((resolve) => client.once("ready", resolve));
  return openStores(client);
};

tenantStoreContract("Redis", openSingle);
tenantStoreContract("a Redis cluster", openCluster);
responseOwnerStoreContract("Redis", openSingle);
responseOwnerStoreContract("a Redis cluster", openCluster);
alertClaimsContract("Redis", openSingle);
alertClaimsContract("a Redis cluster", openCluster);
judgeStoreContract("Redis", openSingle);
judgeStoreContract("a Redis cluster", openCluster);

test("a store whose Redis is gone says that it is unavailable", async () => {
  const client = new Redis({ port: 1, lazyConnect: true, maxRetriesPerRequest: 0 });
  client.on("error", () => undefined);
  const unavailable = { kind: "store_unavailable" };
  await expect(redisTenantStore(client).getTenant("acme")).rejects.toMatchObject(unavailable);
  client.disconnect();
});
