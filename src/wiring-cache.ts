import { Failure } from "./errors.ts";
import { PartHealth } from "./lib/part-health.ts";
import type { AnswerCache } from "./pipeline/cache/answer-cache.ts";
import type { CacheAdmin } from "./pipeline/cache/cache-admin.ts";
import type { ExactCache } from "./pipeline/cache/cache-store.ts";
import type { TenantAudits } from "./pipeline/cache/semantic-tier.ts";
import { openSharedCalls } from "./pipeline/cache/shared-call.ts";
import type { Ask, Semantics } from "./wiring-semantic.ts";
import type { Stores, StoreTools } from "./wiring-stores.ts";

/** The cache, and how it is doing. */
export interface Caching {
  /** Undefined where the operator has it off. */
  readonly cache: AnswerCache | undefined;
  readonly admin: CacheAdmin | undefined;
  /** For `/health`. */
  readonly figures: () => object | undefined;
  /** For the metrics: empty where there is no semantic tier. */
  readonly audits: () => readonly TenantAudits[];
  readonly healths: readonly PartHealth[];
}

/** For who serves nobody, or does not want it. */
export const noCaching: Caching = {
  cache: undefined,
  admin: undefined,
  figures: () => undefined,
  audits: () => [],
  healths: [],
};

export async function openCaching(stores: Stores, ask: Ask, tools: StoreTools): Promise<Caching> {
  const { settings, clock, log } = tools;
  if (!settings.cache.isEnabled) return noCaching;
  const health = new PartHealth("cache", clock);
  const calls = openSharedCalls();
  // A call that began before a purge is nobody's who asks after it, on whichever replica.
  const exact = await stores.openExactCache(health, () => {
    calls.closeAll();
  });
  const semantics = await openSemanticsIfAsked(stores, ask, tools);
  const recorded = { bytes: 0 };
  const onError = (error: unknown): void => {
    log.error({ err: error }, "the cache has failed at a request, which went on without it");
  };
  return {
    cache: { exact, semantic: semantics?.tier, calls, recorded, clock, onError },
    admin: cacheAdmin(exact, semantics),
    figures: () => ({
      recorded_bytes: recorded.bytes,
      shared_calls: { running: calls.size, held_bytes: calls.heldBytes },
      semantic: semantics?.tier.figures() ?? null,
    }),
    audits: () => semantics?.tier.audits() ?? [],
    healths: [health, ...(semantics?.healths ?? [])],
  };
}

/** What it takes is loaded only where it is used. */
async function openSemanticsIfAsked(
  stores: Stores,
  ask: Ask,
  tools: StoreTools,
): Promise<Semantics | undefined> {
  if (tools.settings.embedder.where === "off") return undefined;
  const { openSemantics } = await import("./wiring-semantic.ts");
  return openSemantics(stores, ask, tools);
}

/** Each store forgets before this process does: what is asked meanwhile must not come back from it. */
const cacheAdmin = (exact: ExactCache, semantics: Semantics | undefined): CacheAdmin => ({
  purge: async (what) => {
    const [exactCount, semanticCount] = await Promise.all([
      exact.purge(what),
      semantics?.store.purge(what) ?? 0,
    ]).catch((cause: unknown) => fail(mayStay, cause));
    semantics?.tier.purged(what);
    return { exact: exactCount, semantic: semanticCount };
  },
  semanticStatus: async (tenantId, rules) =>
    semantics?.tier.status(tenantId, rules).catch((cause: unknown) => fail(notRead, cause)),
});

const mayStay = "What was to be forgotten may still be there: try again.";
const notRead = "What was learnt cannot be read: try again.";

function fail(what: string, cause: unknown): never {
  throw new Failure("store_unavailable", `The cache's store does not answer. ${what}`, {
    cause,
    retryAfterMs: 1_000,
  });
}
