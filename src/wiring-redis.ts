import { PartHealth } from "./lib/part-health.ts";
import { redisAuditLog, redisUsageLedger } from "./stores/redis/books/readers.ts";
import { redisAlertClaims } from "./stores/redis/control/alert-claims.ts";
import { openInvalidations } from "./stores/redis/control/invalidations.ts";
import { redisPriceStore } from "./stores/redis/control/price-store.ts";
import { redisProviderStore } from "./stores/redis/control/provider-store.ts";
import { redisResponseOwnerStore } from "./stores/redis/control/response-owner-store.ts";
import { redisTenantStore } from "./stores/redis/control/tenant-store.ts";
import { redisLimitStore } from "./stores/redis/limits/limit-store.ts";
import { openRedis } from "./stores/redis/open.ts";
import type { Change, Stores, StoreTools } from "./wiring-stores.ts";

/**
 * Redis, shared by many replicas. Four connections: of requests, which may not wait; of everything else, which may;
 * one that listens; and one in the books thread.
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
  return {
    tenants: redisTenantStore(reports.client),
    providers: redisProviderStore(reports.client),
    prices: redisPriceStore(reports.client),
    owners: redisResponseOwnerStore(reports.client),
    alertClaims: redisAlertClaims(reports.client),
    auditLog: redisAuditLog({ redis: reports, auditHours: settings.accounting.auditRedisHours }),
    usageLedger: redisUsageLedger({ redis: reports }),
    openLimits: () =>
      Promise.resolve(opening.use(redisLimitStore({ redis: requests, clock, health }))),
    announce,
    onChange: (listener) => {
      listeners.push(listener);
    },
    healths: [health],
  };
}
