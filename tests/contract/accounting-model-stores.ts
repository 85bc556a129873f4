import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

import { systemClock } from "../../src/lib/clock.ts";
import { redisAuditLog, redisUsageLedger } from "../../src/stores/redis/books/readers.ts";
import { openRedisSink } from "../../src/stores/redis/books/sink.ts";
import { openRedis } from "../../src/stores/redis/open.ts";
import { openSqliteReader } from "../../src/stores/sqlite/books/reader.ts";
import { openSqliteSink } from "../../src/stores/sqlite/books/sinks.ts";
import { verifyAuditFiles } from "../../src/stores/sqlite/books/verify.ts";
import { startRedis } from "../support/redis.ts";
import { modelChainKey } from "./accounting-process.ts";
import { memoryModelStore, shownBy } from "./accounting-stores.ts";
import type { ModelStore } from "./accounting-stores.ts";

/** Stores of these kinds, each empty: `memory`, `sqlite`, `redis`. */
export async function openModelStores(
  kinds: readonly string[],
  dataDir: string,
): Promise<readonly ModelStore[]> {
  const stores: ModelStore[] = [];
  for (const kind of kinds) {
    if (kind === "sqlite") stores.push(await sqliteModelStore(dataDir));
    else if (kind === "redis") stores.push(await redisModelStore(dataDir));
    else stores.push(memoryModelStore(kind));
  }
  return stores;
}

/** The files of the embedded mode, in the processes' own data directory. */
export async function sqliteModelStore(dataDir: string): Promise<ModelStore> {
  const reader = await openSqliteReader({ dataDir });
  return {
    name: "sqlite",
    open: () => openSqliteSink({ dataDir, chainKey: modelChainKey }),
    shown: () => shownBy(reader, reader),
    problems: async () => {
      const { problems } = await verifyAuditFiles({ dataDir, chainKey: modelChainKey });
      return problems.map(({ kind, message }) => `verify: ${kind}: ${message}`);
    },
    loss: {
      isNoticed: false,
      // As somebody does who makes room: all but the journal goes, while nobody runs.
      lose: () => {
        for (const name of readdirSync(dataDir)) {
          if (name === "journal") continue;
          rmSync(join(dataDir, name), { recursive: true, force: true });
        }
        return Promise.resolve();
      },
    },
    [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose](),
  };
}

/** A Redis process of the run's own. */
export async function redisModelStore(dataDir: string): Promise<ModelStore> {
  await using resources = new AsyncDisposableStack();
  const server = resources.use(await startRedis());
  const urls = [server.url];
  const reports = resources.use(await openRedis({ urls, purpose: "reports" }));
  const owned = resources.move();
  return {
    name: "redis",
    open: async () => {
      const redis = await openRedis({ urls, purpose: "books" });
      const options = { redis, dataDir, auditHours: 24 * 12, clock: systemClock };
      const sink = await openRedisSink(options);
      return {
        name: sink.name,
        mark: (writer) => sink.mark(writer),
        take: (batch) => sink.take(batch),
        onRewind: (rewind) => {
          sink.onRewind(rewind);
        },
        [Symbol.asyncDispose]: async () => {
          await sink[Symbol.asyncDispose]();
          await redis[Symbol.asyncDispose]();
        },
      };
    },
    shown: () => shownBy(redisAuditLog({ redis: reports }), redisUsageLedger({ redis: reports })),
    loss: {
      isNoticed: true,
      lose: async () => {
        await server.command("FLUSHALL");
      },
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
