import { join } from "node:path";

import type { Settings } from "./config/settings.ts";
import type { AlertClaims } from "./jobs/alert-claims.ts";
import type { DayCaps } from "./jobs/day-caps.ts";
import type { JobStore } from "./jobs/job-store.ts";
import type { Clock } from "./lib/clock.ts";
import type { PartHealth } from "./lib/part-health.ts";
import type { ExactCache, ExactStore } from "./pipeline/cache/cache-store.ts";
import { semanticIndexLimits } from "./pipeline/cache/semantic-index.ts";
import type { SemanticStore } from "./pipeline/cache/semantic-store.ts";
import type { AuditLog } from "./pipeline/audit/audit-log.ts";
import type { UsageLedger } from "./pipeline/cost/usage-ledger.ts";
import type { JudgeStore } from "./pipeline/judge/evaluators/judge-store.ts";
import type { LimitStore } from "./pipeline/limits/limit-store.ts";
import type { ResponseOwnerStore } from "./pipeline/response-owners.ts";
import { MemoryExactCache } from "./stores/memory/exact-cache.ts";
import { layeredExactStore } from "./stores/memory/layered-exact-store.ts";
import { memoryLimitStore } from "./stores/memory/limit-store.ts";
import { sqliteAlertClaims } from "./stores/sqlite/alert-claims.ts";
import { LedgerReader } from "./stores/sqlite/books/ledger-reader.ts";
import { openSqliteReader } from "./stores/sqlite/books/reader.ts";
import { openSqliteExactStore } from "./stores/sqlite/cache/exact-store.ts";
import { openSqliteJobStore } from "./stores/sqlite/jobs/open.ts";
import { sqliteJudgeStore } from "./stores/sqlite/judge-store.ts";
import { openDatabase } from "./stores/sqlite/open.ts";
import { sqlitePriceStore } from "./stores/sqlite/price-store.ts";
import { sqliteProviderStore } from "./stores/sqlite/provider-store.ts";
import { sqliteResponseOwnerStore } from "./stores/sqlite/response-owner-store.ts";
import { openSqliteSemanticStore } from "./stores/sqlite/semantic/semantic-store.ts";
import { sqliteTenantStore } from "./stores/sqlite/tenant-store.ts";
import type { Log } from "./telemetry/log.ts";
import type { PriceStore } from "./tenants/price-store.ts";
import type { ProviderStore, TenantStore } from "./tenants/tenant-store.ts";

/** Everything that is kept somewhere, whichever store keeps it. */
export interface Stores {
  readonly tenants: TenantStore;
  readonly providers: ProviderStore;
  readonly prices: PriceStore;
  readonly owners: ResponseOwnerStore;
  readonly alertClaims: AlertClaims;
  readonly judges: JudgeStore;
  readonly auditLog: AuditLog;
  readonly usageLedger: UsageLedger;
  /** Where limits are counted. To be opened when the journal has been replayed: it begins with what was spent. */
  openLimits(): Promise<LimitStore>;
  /** The exact tier of the cache, with the memory of this process in front of it; `onPurge` hears of every replica's purges. */
  openExactCache(health: PartHealth, onPurge: () => void): Promise<ExactCache>;
  /** What the semantic tier keeps; to be opened after the exact tier. */
  openSemanticStore(health: PartHealth): Promise<SemanticStore>;
  openJobs(): JobsOf;
  /** Tells the other replicas of a change. */
  announce(change: Change): void;
  /** Hears of changes that other replicas made. */
  onChange(listener: (change: Change | "missed") => void): void;
  /** Hears that a shared store was found empty, or of another need of its operator. */
  readonly healths: readonly PartHealth[];
}

/** What changed in the control plane. */
export type Change =
  | { readonly what: "key"; readonly id: string }
  | { readonly what: "tenant"; readonly id: string }
  | { readonly what: "routes" }
  | { readonly what: "judges" };

/** Jobs, and what they may cost in a day. */
export type JobsOf = JobStore & DayCaps;

export interface StoreTools {
  readonly settings: Settings;
  readonly clock: Clock;
  readonly log: Log;
  readonly opening: AsyncDisposableStack;
}

export async function openStores(tools: StoreTools): Promise<Stores> {
  if (tools.settings.store === "sqlite") return openEmbedded(tools);
  // Its client is loaded only where it is used.
  const { openShared } = await import("./wiring-redis.ts");
  return openShared(tools);
}

/** SQLite in the data directory; limits are counted in this process. */
async function openEmbedded({ settings, clock, opening }: StoreTools): Promise<Stores> {
  const { dataDir } = settings;
  const database = opening.use(await openDatabase({ path: join(dataDir, "meta.db") }));
  const reader = opening.use(await openSqliteReader({ dataDir }));
  return {
    tenants: sqliteTenantStore(database),
    providers: sqliteProviderStore(database),
    prices: sqlitePriceStore(database),
    owners: sqliteResponseOwnerStore(database),
    alertClaims: sqliteAlertClaims(database),
    judges: sqliteJudgeStore(database),
    auditLog: reader,
    usageLedger: reader,
    openLimits: () => {
      // Once, before anyone is served: to start the reading thread for it would take forty times as long.
      const ledger = new LedgerReader(dataDir);
      const spent = ledger.budgetsSpent(clock.epochMs());
      ledger.close();
      return Promise.resolve(opening.use(memoryLimitStore({ clock, spent })));
    },
    openExactCache: (health, onPurge) => {
      const { memoryBytesMax, diskBytesMax } = settings.cache;
      const memory = new MemoryExactCache({ bytesMax: memoryBytesMax, clock });
      const path = join(dataDir, "cache.db");
      const store = openSqliteExactStore({ path, bytesMax: diskBytesMax, clock });
      const watched = noting(store, health);
      return Promise.resolve(opening.use(layeredExactStore({ memory, store: watched, onPurge })));
    },
    openSemanticStore: () => {
      const path = join(dataDir, "semantic.db");
      const { diskBytesMax } = settings.cache;
      const { shardEntriesMax } = semanticIndexLimits;
      return Promise.resolve(
        opening.use(
          openSqliteSemanticStore({ path, bytesMax: diskBytesMax, shardEntriesMax, clock }),
        ),
      );
    },
    openJobs: () => opening.use(openSqliteJobStore({ path: join(dataDir, "jobs.db") })),
    announce: () => undefined,
    onChange: () => undefined,
    healths: [],
  };
}

const withoutStore = "The cache's store does not answer; what is in memory is served.";

/** The store as it is, noting whether it answers. */
function noting(store: ExactStore, health: PartHealth): ExactStore {
  return {
    get: (tenantId, key) => health.noting(store.get(tenantId, key), withoutStore),
    put: (key, answer) => store.put(key, answer),
    purge: (what) => store.purge(what),
    [Symbol.asyncDispose]: () => store[Symbol.asyncDispose](),
  };
}
