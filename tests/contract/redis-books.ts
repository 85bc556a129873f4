import { systemClock } from "../../src/lib/clock.ts";
import { mastersOf } from "../../src/stores/redis/masters.ts";
import { redisAuditLog, redisUsageLedger } from "../../src/stores/redis/books/readers.ts";
import { openRedisSink } from "../../src/stores/redis/books/sink.ts";
import type { RedisSink, RedisSinkOptions } from "../../src/stores/redis/books/sink.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import type { RedisConnection } from "../../src/stores/redis/open.ts";
import { tempFolder } from "../support/temp-folder.ts";
import type { TestBooks } from "./open-books.ts";

export interface TestRedisBooks extends TestBooks {
  readonly sink: RedisSink;
  readonly redis: RedisConnection;
  readonly dataDir: string;
  readonly losses: readonly string[];
  readonly notices: readonly string[];
  /** Another sink on the same data directory, as after a restart of the process. */
  openAnotherSink(options?: Partial<RedisSinkOptions>): Promise<RedisSink>;
}

export interface RedisBooksOptions extends Partial<RedisSinkOptions> {
  /** What is there stays there. */
  readonly keepsData?: boolean;
}

/** Books in a Redis that is running, emptied first. */
export async function openRedisBooks(
  urls: readonly string[],
  { keepsData = false, ...options }: RedisBooksOptions = {},
): Promise<TestRedisBooks> {
  await using resources = new AsyncDisposableStack();
  const redis = resources.use(await openRedis({ urls, purpose: "books" }));
  const reports = resources.use(await openRedis({ urls, purpose: "reports" }));
  if (!keepsData) await Promise.all(mastersOf(redis).map((node) => node.flushall()));
  const folder = resources.use(await tempFolder());
  const losses: string[] = [];
  const notices: string[] = [];
  const settings: RedisSinkOptions = {
    redis,
    dataDir: folder.path,
    auditHours: 24 * 12,
    clock: systemClock,
    onLoss: (loss) => losses.push(loss),
    onNotice: (sentence) => notices.push(sentence),
    ...options,
  };
  const sink = resources.use(await openRedisSink(settings));
  sink.keepFor(["acme", "zeta"].map((tenantId) => ({ tenantId, auditDays: 12, payloadDays: 12 })));
  const owned = resources.move();
  return {
    sink,
    redis,
    dataDir: folder.path,
    losses,
    notices,
    auditLog: redisAuditLog({ redis: reports }),
    ledger: redisUsageLedger({ redis: reports }),
    openAnotherSink: async (different = {}) =>
      owned.use(await openRedisSink({ ...settings, ...different })),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
