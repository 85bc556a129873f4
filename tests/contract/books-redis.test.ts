import { afterAll, beforeAll } from "vitest";

import { startRedis, startRedisCluster } from "../support/redis.ts";
import type { RedisCluster, RedisServer } from "../support/redis.ts";
import { auditLogContract } from "./audit-log.ts";
import { judgeLedgerContract } from "./judge-ledger.ts";
import { journalSinkContract } from "./journal-sink.ts";
import { openRedisBooks } from "./redis-books.ts";
import { usageLedgerContract } from "./usage-ledger.ts";

let single: RedisServer;
let cluster: RedisCluster;
const resources = new AsyncDisposableStack();

beforeAll(async () => {
  single = resources.use(await startRedis());
  cluster = resources.use(await startRedisCluster());
});

afterAll(() => resources.disposeAsync());

for (const contract of [
  journalSinkContract,
  auditLogContract,
  usageLedgerContract,
  judgeLedgerContract,
]) {
  contract("Redis", () => openRedisBooks([single.url]));
  contract("a Redis cluster", () => openRedisBooks(cluster.urls));
}
