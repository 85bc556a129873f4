import type { PeriodKind } from "./budget-periods.ts";

/**
 * Where limits and budgets are counted. One call admits: it checks all of them and reserves, or changes
 * nothing; one settles: it puts what was used in the place of what was reserved. A reservation is a lease of
 * `leaseMs`, which its process renews; it ends by itself when that process dies.
 */
export interface LimitStore extends AsyncDisposable {
  /**
   * At once, not by a promise, where the numbers are in this process. A refusal is a value: of several, the one
   * that lasts longest (a budget, then the rate with the longest wait). Rejects with `store_unavailable` where a
   * hard budget cannot be checked.
   */
  admit(request: AdmitRequest): Admission | Promise<Admission>;
  /**
   * Reserves more for what runs already (a stream that outgrows its reservation); false: a hard budget has no
   * room, or it is settled. Tokens are never refused: they go into debt.
   */
  extend(lease: Lease, more: Amounts): boolean | Promise<boolean>;
  /**
   * Gives the place among concurrent requests back and puts `used` in the place of the reservation. Called once
   * for each lease, never throws. A store that is fed from the journal does the part about money there.
   */
  settle(lease: Lease, used: Amounts): void;
}

/** How long a reservation outlives the last word of its process. */
export const leaseMs = 60_000;

export interface Amounts {
  /** Input and output together. */
  readonly tokens: number;
  readonly nanoUsd: number;
}

export interface AdmitRequest {
  /** The request's id: a lease is its. */
  readonly id: string;
  readonly tenantId: string;
  readonly keyId: string;
  /** When the request began: its budgets are those of that instant. Milliseconds since 1970. */
  readonly startedEpochMs: number;
  readonly rules: readonly ScopedRules[];
  readonly reserve: Amounts;
}

/** The limits of a tenant, or of one of its keys. Each is counted by itself, so the narrower wins. */
export interface ScopedRules {
  readonly scope: "tenant" | "key";
  readonly requestsPerMinute: number | undefined;
  readonly tokensPerMinute: number | undefined;
  readonly concurrentRequests: number | undefined;
  readonly budgets: readonly BudgetRule[];
}

export interface BudgetRule {
  readonly period: PeriodKind;
  readonly limitNanoUsd: number;
  /** A hard one refuses; a soft one only tells. */
  readonly isHard: boolean;
}

export type Admission =
  | { readonly kind: "admitted"; readonly lease: Lease; readonly quota: Quota }
  | { readonly kind: "refused"; readonly refusal: LimitRefusal; readonly quota: Quota };

export interface Lease {
  /** The request's id. */
  readonly id: string;
  readonly tenantId: string;
  readonly keyId: string;
  readonly startedEpochMs: number;
  readonly rules: readonly ScopedRules[];
  readonly reserved: Amounts;
  /** What a store that is fed from the journal needs to settle it, as JSON; undefined for others. */
  readonly journalled: string | undefined;
  /** Admitted by this process alone, because the shared store did not answer. */
  readonly isLocal: boolean;
}

/** The narrowest of the caller's limits of each kind, for OpenAI's `x-ratelimit-*` headers. */
export interface Quota {
  readonly requests: QuotaState | undefined;
  readonly tokens: QuotaState | undefined;
}

export interface QuotaState {
  readonly limit: number;
  readonly remaining: number;
  /** Until all of the limit is there again, in milliseconds. */
  readonly resetMs: number;
}

export type LimitRefusal =
  | {
      readonly limit: "requests" | "tokens" | "concurrency";
      readonly scope: ScopedRules["scope"];
      readonly max: number;
      /** After this many milliseconds the same request would be admitted; undefined: never, it asks for more than the limit. */
      readonly retryAfterMs: number | undefined;
    }
  | {
      readonly limit: "budget";
      readonly scope: ScopedRules["scope"];
      readonly period: PeriodKind;
      readonly limitNanoUsd: number;
      readonly spentNanoUsd: number;
      /** Held for requests that run. */
      readonly heldNanoUsd: number;
    };
