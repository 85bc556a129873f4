import { join } from "node:path";

import { systemClock } from "../../lib/clock.ts";
import { jobsSinkName } from "../disk/journal-sink.ts";
import { deferredSink } from "./deferred-sink.ts";
import { jobsSink } from "./jobs-sink.ts";
import type { BooksConfig, SinkEvent, StoreLoss, TenantRetention } from "./protocol.ts";
import { retainedFiles } from "./retained-files.ts";
import type { BookStores } from "./serve-books.ts";

/**
 * The stores of a configuration, none of which is opened before it is fed. What one of them needs is loaded then:
 * without Redis, its client never is.
 */
export function bookStores(config: BooksConfig, tell: (event: SinkEvent) => void): BookStores {
  let tenants: readonly TenantRetention[] | undefined;
  const remembering = {
    told: () => tenants,
    tell: (sink: string) => (message: string) => {
      tell({ kind: "sink_notice", sink, message });
    },
    tellLoss: (sink: string) => (loss: StoreLoss) => {
      tell({ kind: "sink_lost", sink, loss });
    },
  };
  const stores =
    config.store === "sqlite"
      ? [sqliteStore(config, remembering)]
      : [
          redisStore(config, remembering),
          ...(config.hasAuditFiles ? [auditFilesStore(config, remembering)] : []),
        ];
  return {
    sinks: [...stores, jobsStore(config)],
    keepFor: (told) => {
      tenants = told;
      for (const { opened } of stores) opened?.keepFor(told);
    },
  };
}

interface Remembering {
  /** What a store that is opened later has missed. */
  readonly told: () => readonly TenantRetention[] | undefined;
  readonly tell: (sink: string) => (message: string) => void;
  readonly tellLoss: (sink: string) => (loss: StoreLoss) => void;
}

function sqliteStore(config: BooksConfig, remembering: Remembering) {
  return deferredSink("sqlite", async () => {
    const { openSqliteSink } = await import("../sqlite/books/sinks.ts");
    return retained(
      await openSqliteSink(tellingLoss(config, remembering, "sqlite")),
      config,
      remembering,
    );
  });
}

function auditFilesStore(config: BooksConfig, remembering: Remembering) {
  return deferredSink("audit-files", async () => {
    const { openAuditFilesSink } = await import("../sqlite/books/sinks.ts");
    return retained(
      await openAuditFilesSink(tellingLoss(config, remembering, "audit-files")),
      config,
      remembering,
    );
  });
}

function tellingLoss(config: BooksConfig, { tellLoss }: Remembering, sink: string) {
  const { dataDir, chainKey } = config;
  const tell = tellLoss(sink);
  return {
    dataDir,
    chainKey,
    onLoss: () => {
      tell("files_lost");
    },
  };
}

function retained(
  sink: Parameters<typeof retainedFiles>[0],
  { auditRetentionDays: auditDays }: BooksConfig,
  { told, tell }: Remembering,
) {
  const notify = tell(sink.name);
  const files = retainedFiles(sink, {
    auditDays,
    onFailed: (error) => {
      const reason = error instanceof Error ? error.message : String(error);
      notify(`What has been kept long enough could not be removed; it is tried again: ${reason}`);
    },
  });
  const tenants = told();
  if (tenants !== undefined) files.keepFor(tenants);
  return files;
}

function redisStore(config: BooksConfig, { told, tell, tellLoss }: Remembering) {
  const { dataDir, redisUrls, auditRedisHours: auditHours } = config;
  return deferredSink("redis", async () => {
    const { openRedis } = await import("../redis/open.ts");
    const { openRedisSink } = await import("../redis/books/sink.ts");
    const redis = await openRedis({ urls: redisUrls ?? [], purpose: "books" });
    try {
      const sink = await openRedisSink({
        redis,
        dataDir,
        auditHours,
        clock: systemClock,
        onNotice: tell("redis"),
        onLoss: tellLoss("redis"),
      });
      const tenants = told();
      if (tenants !== undefined) sink.keepFor(tenants);
      const close = async (): Promise<void> => {
        await sink[Symbol.asyncDispose]();
        await redis[Symbol.asyncDispose]();
      };
      return {
        name: sink.name,
        mark: (writer: string) => sink.mark(writer),
        take: (batch: Parameters<typeof sink.take>[0]) => sink.take(batch),
        onRewind: (rewind: Parameters<typeof sink.onRewind>[0]) => {
          sink.onRewind(rewind);
        },
        keepFor: (each: readonly TenantRetention[]) => {
          sink.keepFor(each);
        },
        [Symbol.asyncDispose]: close,
      };
    } catch (error) {
      await redis[Symbol.asyncDispose]();
      throw error;
    }
  });
}

function jobsStore({ store, dataDir, redisUrls }: BooksConfig) {
  return deferredSink(jobsSinkName, async () => {
    if (store === "sqlite") {
      const { openSqliteInbox } = await import("../sqlite/jobs/sink-inbox.ts");
      return jobsSink({ inbox: openSqliteInbox({ path: join(dataDir, "jobs.db") }) });
    }
    const { openRedis } = await import("../redis/open.ts");
    const { redisInbox } = await import("../redis/jobs/sink-inbox.ts");
    const redis = await openRedis({ urls: redisUrls ?? [], purpose: "books" });
    return jobsSink({ inbox: redisInbox({ redis }) });
  });
}
