import { Failure } from "../../errors.ts";
import { usdText } from "../../lib/usd.ts";
import { periodEndMs } from "./budget-periods.ts";
import type { PeriodKind } from "./budget-periods.ts";
import type { LimitRefusal, ScopedRules } from "./limit-store.ts";

/** When one of the running requests ends is not known: this is when to look again. */
export const concurrencyRetryMs = 1_000;

/** What the client is told: which limit, its size, when it frees up, and what to do. `nowMs` is epoch time. */
export function refusalFailure(refusal: LimitRefusal, nowMs: number = Date.now()): Failure {
  return refusal.limit === "budget" ? budgetFailure(refusal, nowMs) : rateFailure(refusal);
}

type RateRefusal = Exclude<LimitRefusal, { readonly limit: "budget" }>;
type BudgetRefusal = Extract<LimitRefusal, { readonly limit: "budget" }>;

/** The official SDKs do not try again where they read this. */
const doNotRetry = { "x-should-retry": "false" } as const;

function rateFailure(refusal: RateRefusal): Failure {
  const { retryAfterMs } = refusal;
  const limit = `the limit of ${whose[refusal.scope]} (${sizeOf(refusal)})`;
  if (retryAfterMs === undefined) {
    const message = `This request asks for more than ${limit} ever allows at once. ${smaller}`;
    return new Failure("rate_limit_exceeded", message, { headers: doNotRetry });
  }
  const message = `${reached[refusal.limit]} ${limit}. ${whenFree(refusal, retryAfterMs)}`;
  return new Failure("rate_limit_exceeded", message, { retryAfterMs });
}

const whose = { tenant: "your tenant", key: "this API key" } as const satisfies Record<
  ScopedRules["scope"],
  string
>;

const reached = {
  requests: "Too many requests:",
  tokens: "Too many tokens:",
  concurrency: "Too many requests at once:",
} as const;

const smaller =
  "Send a shorter prompt, set a lower max_tokens, or ask the tenant's admin for a higher limit.";

function sizeOf({ limit, max }: RateRefusal): string {
  switch (limit) {
    case "requests":
      return `${many(max, "request")} a minute`;
    case "tokens":
      return `${many(max, "token")} a minute`;
    case "concurrency":
      return many(max, "concurrent request");
  }
}

const many = (count: number, what: string): string => `${count} ${what}${count === 1 ? "" : "s"}`;

function whenFree({ limit }: RateRefusal, retryAfterMs: number): string {
  const higher = "or ask the tenant's admin for a higher limit.";
  if (limit === "concurrency") return `Try again when one of them has ended, ${higher}`;
  const seconds = Math.max(0.1, Math.ceil(retryAfterMs / 100) / 10);
  return `Try again in ${seconds} s, ${higher}`;
}

function budgetFailure(refusal: BudgetRefusal, nowMs: number): Failure {
  const { scope, period, limitNanoUsd, spentNanoUsd, heldNanoUsd } = refusal;
  const held = heldNanoUsd > 0 ? ` and $${amount(heldNanoUsd)} is held for requests that run` : "";
  const message =
    `The ${periodWords[period]} budget of ${whose[scope]} has no room for this request: ` +
    `$${amount(spentNanoUsd)} of $${amount(limitNanoUsd)} is spent${held}. ` +
    `${whenReset(period, nowMs)} Ask the tenant's admin for a higher budget to go on.`;
  return new Failure("budget_exceeded", message, { headers: doNotRetry });
}

const periodWords = {
  day: "daily",
  week: "weekly",
  month: "monthly",
  total: "total",
} as const satisfies Record<PeriodKind, string>;

function whenReset(period: PeriodKind, nowMs: number): string {
  const endMs = periodEndMs(period, nowMs);
  if (endMs === undefined) return "It does not reset.";
  return `It resets on ${new Date(endMs).toISOString().slice(0, 10)} at 00:00 UTC.`;
}

/** To the cent where that says all, otherwise to the last digit that says something. */
function amount(nanoUsd: number): string {
  return usdText(nanoUsd).replace(/(\.\d\d\d*?)0+$/, "$1");
}
