import type { JudgeQuery, JudgeRow } from "../judge/scores/judge-sums.ts";

/** Sums over one tenant's requests, by the hour in which they started. */
export interface UsageLedger {
  /** Rows in the order of their dimensions, as asked for. Rejects with `store_unavailable`. */
  usage(query: UsageQuery): Promise<readonly UsageRow[]>;
  /** Sums over the evaluations of its requests and what people said of them. Rejects with `store_unavailable`. */
  judge(query: JudgeQuery): Promise<readonly JudgeRow[]>;
  /** What tenant and keys have spent in the periods that hold now: read once, at start. */
  budgetsSpent(nowMs: number): Promise<readonly BudgetSpent[]>;
}

export const usageDimensions = [
  "hour",
  "day",
  "model",
  "served_model",
  "provider",
  "key",
  "tag",
] as const;
export type UsageDimension = (typeof usageDimensions)[number];

export interface UsageQuery {
  readonly tenantId: string;
  /** Hours that begin in [fromMs, toMs), milliseconds since 1970. With `tag`: days. */
  readonly fromMs: number;
  readonly toMs: number;
  /** `tag` goes only with `day`, `model` or itself. */
  readonly groupBy: readonly UsageDimension[];
}

export interface UsageRow {
  /** The values of the dimensions asked for: `hour` as `2026-11-21T10:00:00Z`, `day` as `2026-11-21`, `tag` as `team=a`. */
  readonly group: Readonly<Partial<Record<UsageDimension, string>>>;
  readonly sums: UsageSums;
}

/** Every field is a sum; money in nano-dollars. */
export type UsageSums = Readonly<Record<UsageSum, bigint>>;
export type UsageSum = (typeof usageSums)[number];
export const usageSums = [
  "requests",
  /** Of these, with another outcome than `ok`. */
  "failed_requests",
  "input_tokens",
  "cached_input_tokens",
  "cache_write_tokens",
  "output_tokens",
  "reasoning_tokens",
  /** What requests with an exact cost, and with an estimated one, came to. */
  "exact_nano_usd",
  "estimated_nano_usd",
  "exact_requests",
  "estimated_requests",
  "unpriced_requests",
  "cache_hits",
  /** What the cache's answers would have cost, and how many tokens their making took. */
  "saved_nano_usd",
  "saved_input_tokens",
  "saved_output_tokens",
] as const;

/** The ledger's word for the model of requests for which no route was found: clients make names up. */
export const unknownModel = "_unknown";
/** And for tags beyond the first hundred of a tenant's day. */
export const otherTag = "_other";
export const tagsPerDayMax = 100;

export interface BudgetSpent {
  readonly tenantId: string;
  /** Undefined: of the tenant as a whole. */
  readonly keyId: string | undefined;
  /** As `periodIdOf` names it. */
  readonly periodId: string;
  readonly spentNanoUsd: bigint;
}
