import { periodIdsOf, periodKinds } from "../../../pipeline/limits/budget-periods.ts";
import type { PeriodId } from "../../../pipeline/limits/budget-periods.ts";

/**
 * What the store of limits keeps in Redis. `{t}` is the tenant's hash tag, so that all of it lies on one server and
 * one script reaches it; `scope` is a key's id, or empty for the tenant as a whole. Times are Redis' own (TIME),
 * milliseconds since 1970; amounts are whole nano-dollars.
 *
 *     {t}:q            HASH  `r:<scope>`, `t:<scope>`: when the bucket of requests, of tokens, will be full again
 *     {t}:c:<scope>    ZSET  ids of requests that run, by the expiry of their lease
 *     {t}:h            ZSET  ids of requests that hold money, by the expiry of their lease
 *     {t}:hv           HASH  `<id>`: where it is held, JSON, [periodId, scope, periodId, scope, …];
 *                            `<id>:n`: how much money; `<id>:t`: tokens reserved beyond those of the admission
 *     {t}:b:<period>   HASH  `s:<scope>`: spent; `h:<scope>`: held
 *     replicas         ZSET  processes by the expiry of their last word
 *
 * Money moves from held to spent in one script, the sink's, when the journal's record arrives: it calls
 * `settle_lease` of `settle-lease.lua`, behind its own guard against settling twice, and adds what was spent to
 * `s:` and `s:<key>` of the four periods of the request's start. Spent is counted in all of them, also where no
 * budget is set; held only where a hard budget is.
 */
export const keysOf = (tenantId: string) => {
  const tag = hashTag(tenantId);
  return {
    rates: `${tag}:q`,
    /** Of the tenant with an empty scope. */
    running: (scope: string): string => `${tag}:c:${scope}`,
    holds: `${tag}:h`,
    holdValues: `${tag}:hv`,
    budget: (periodId: PeriodId): string => `${tag}:b:${periodId}`,
    /** Written to find out whether the server takes writes again. */
    probe: `${tag}:probe`,
  };
};

/** The one key that is no tenant's. */
export const replicasKey = "replicas";

/** `{tenant}`, with the characters escaped that would end or begin the tag elsewhere. */
export function hashTag(tenantId: string): string {
  const escaped = tenantId.replace(
    /[%{}]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return `{${escaped}}`;
}

/** The four budgets' keys of an instant, in the order of `periodKinds`: what `settle_lease` takes. */
export function budgetKeysAt(tenantId: string, epochMs: number): string[] {
  return periodIdsOf(epochMs).map(keysOf(tenantId).budget);
}

const dayMs = 86_400_000;

/** A period is kept for so long after it was last looked for, in the order of `periodKinds`; 0: for ever. */
export const periodTtlsMs = [10, 21, 70, 0].map((days) => days * dayMs);

/** By its id, `d:20261121` and so on; 0 for `t`. */
export function periodTtlMs(periodId: PeriodId): number {
  const at = periodKinds.findIndex((kind) => kind.startsWith(periodId.slice(0, 1)));
  return periodTtlsMs[at] ?? 0;
}

/** `Lease.journalled`, as JSON: what `settle_lease` needs. It reads it itself. */
export interface LeaseNote {
  /** When it was admitted, by Redis' clock; 0 for a request that this process admitted alone. */
  readonly a: number;
  readonly k: string;
  /** Tokens that were taken from the buckets. */
  readonly t: number;
  /** Tokens per minute of the tenant's bucket and of the key's; 0 where there is none. */
  readonly r: readonly [number, number];
}
