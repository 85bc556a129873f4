import { PartHealth } from "./lib/part-health.ts";
import type { ExactCache } from "./pipeline/cache/cache-store.ts";
import { semanticIndexLimits } from "./pipeline/cache/semantic-index.ts";
import { redisAuditLog, redisUsageLedger } from "./stores/redis/books/readers.ts";
import { MemoryExactCache } from "./stores/memory/exact-cache.ts";
import { layeredExactStore } from "./stores/memory/layered-exact-store.ts";
import { openRedisExactStore } from "./stores/redis/cache/exact-store.ts";
import { redisAlertClaims } from "./stores/redis/control/alert-claims.ts";
import { openInvalidations } from "./stores/redis/control/invalidations.ts";
import { redisPriceStore } from "./stores/redis/control/price-store.ts";
import { redisProviderStore } from "./stores/redis/control/provider-store.ts";
import { redisResponseOwnerStore } from "./stores/redis/control/response-owner-store.ts";
import { redisTenantStore } from "./stores/redis/control/tenant-store.ts";
import { redisLimitStore } from "./stores/redis/limits/limit-store.ts";
import { redisJudgeStore } from "./stores/redis/control/judge-store.ts";
import { redisJobStore } from "./stores/redis/jobs/job-store.ts";
import { openRedis } from "./stores/redis/open.ts";
import type { RedisConnection } from "./stores/redis/open.ts";
import { openRedisSemanticStore } from "./stores/redis/semantic/semantic-store.ts";
import type { Change, Stores, StoreTools } from "./wiring-stores.ts";

/**
 * Redis, shared by many replicas. Six connections: of requests, which may not wait; of the cache, whose answers are
 * large; of everything else, which may wait; one that listens; and two in the books thread.
 */
export async function openShared({ settings, clock, log, opening }: StoreTools): Promise<Stores> {
  const urls = settings.redisUrls ?? [];
  const reports = opening.use(await openRedis({ urls, purpose: "reports", isRequired: true, log }));
  const [requests, subscriber] = await Promise.all([
    openRedis({ urls, purpose: "requests", log }),
    openRedis({ urls, purpose: "subscriber", log }),
  ]);
  for (const connection of [requests, subscriber]) opening.use(connection);
  const health = new PartHealth("limits", clock);
  const listeners: ((change: Change | "missed") => void)[] = [];
  const tell = (change: Change | "missed"): void => {
    for (const listener of listeners) listener(change);
  };
  const announce = await openInvalidations({
    commands: reports.client,
    subscriber: subscriber.client,
    onInvalidation: tell,
    onMissed: () => {
      tell("missed");
    },
    onError: (error) => {
      log.warn({ err: error }, "other replicas were not told of a change; it reaches them in 30 s");
    },
  });
  let cacheOpening: Promise<RedisConnection> | undefined;
  // Its answers are large: what admits requests does not wait behind them.
  const cacheConnection = (): Promise<RedisConnection> =>
    (cacheOpening ??= openRedis({ urls, purpose: "requests", log }).then((one) =>
      opening.use(one),
    ));
  return {
    tenants: redisTenantStore(reports.client),
    providers: redisProviderStore(reports.client),
    prices: redisPriceStore(reports.client),
    owners: redisResponseOwnerStore(reports.client),
    alertClaims: redisAlertClaims(reports.client),
    judges: redisJudgeStore(reports.client),
    auditLog: redisAuditLog({ redis: reports, auditHours: settings.accounting.auditRedisHours }),
    usageLedger: redisUsageLedger({ redis: reports }),
    openLimits: () =>
      Promise.resolve(opening.use(redisLimitStore({ redis: requests, clock, health }))),
    openExactCache: async (cacheHealth, onPurge) => {
      const redis = await cacheConnection();
      const tools = { settings, clock, onPurge };
      return opening.use(sharedExactCache(redis, tools, cacheHealth));
    },
    openSemanticStore: async (semanticHealth) => {
      const redis = await cacheConnection();
      const { tenantBytesMax } = settings.cache;
      const onChange = noteIn(semanticHealth);
      const { shardEntriesMax } = semanticIndexLimits;
      const bounds = { tenantBytesMax, shardEntriesMax };
      const store = { redis, background: reports, clock, ...bounds, onChange };
      return opening.use(openRedisSemanticStore(store));
    },
    openJobs: () => redisJobStore({ redis: reports }),
    announce,
    onChange: (listener) => {
      listeners.push(listener);
    },
    healths: [health],
  };
}

/** What is in memory is served as long as this replica hears what others purge. */
function sharedExactCache(
  redis: RedisConnection,
  {
    settings,
    clock,
    onPurge,
  }: Pick<StoreTools, "settings" | "clock"> & { readonly onPurge: () => void },
  health: PartHealth,
): ExactCache {
  const { memoryBytesMax, tenantBytesMax } = settings.cache;
  const memory = new MemoryExactCache({ bytesMax: memoryBytesMax, clock });
  const store = openRedisExactStore({
    redis,
    clock,
    tenantBytesMax,
    onPurge: (what, atEpochMs) => {
      memory.purge(what, atEpochMs);
      onPurge();
    },
    onMissed: () => {
      memory.clear();
      onPurge();
    },
    onChange: noteIn(health),
  });
  return layeredExactStore({ memory, store, onPurge, isFresh: () => store.isFresh });
}

const noteIn =
  (health: PartHealth) =>
  (problem: string | undefined): void => {
    if (problem === undefined) health.noteOk();
    else health.noteFailure(problem);
  };
