import { remainingAt, waitMs } from "../../pipeline/limits/gcra.ts";
import type {
  LimitRefusal,
  Quota,
  QuotaState,
  ScopedRules,
} from "../../pipeline/limits/limit-store.ts";
import { narrower } from "../../pipeline/limits/quota.ts";
import { concurrencyRetryMs } from "../../pipeline/limits/refusal.ts";
import type { Account } from "./account.ts";

interface Limited {
  readonly account: Account;
  readonly rules: ScopedRules | undefined;
}

type RateRefusal = Exclude<LimitRefusal, { readonly limit: "budget" }>;

/** The limit that is in the way for longest, of those that are: after its wait the request fits the others too. */
export function rateRefusal(
  parts: readonly Limited[],
  tokens: number,
  nowMs: number,
): RateRefusal | undefined {
  let found: RateRefusal | undefined;
  for (const { account, rules } of parts) {
    if (rules === undefined) continue;
    const { scope, requestsPerMinute, tokensPerMinute, concurrentRequests } = rules;
    if (concurrentRequests !== undefined && account.running >= concurrentRequests) {
      const limit = { limit: "concurrency", scope, max: concurrentRequests } as const;
      found = longer(found, { ...limit, retryAfterMs: concurrencyRetryMs });
    }
    if (requestsPerMinute !== undefined) {
      const draw = { amount: 1, perMinute: requestsPerMinute, nowMs };
      const wait = waitMs(account.requestsFullMs, draw);
      const limit = { limit: "requests", scope, max: requestsPerMinute } as const;
      if (wait !== 0) found = longer(found, { ...limit, retryAfterMs: wait });
    }
    if (tokensPerMinute !== undefined) {
      const draw = { amount: tokens, perMinute: tokensPerMinute, nowMs };
      const wait = waitMs(account.tokensFullMs, draw);
      const limit = { limit: "tokens", scope, max: tokensPerMinute } as const;
      if (wait !== 0) found = longer(found, { ...limit, retryAfterMs: wait });
    }
  }
  return found;
}

function longer(left: RateRefusal | undefined, right: RateRefusal): RateRefusal {
  if (left === undefined) return right;
  return waitOf(right) > waitOf(left) ? right : left;
}

const waitOf = ({ retryAfterMs }: RateRefusal): number => retryAfterMs ?? Number.POSITIVE_INFINITY;

/** What is left of the caller's narrowest limits. */
export function quotaOf(parts: readonly Limited[], nowMs: number): Quota {
  let requests: QuotaState | undefined;
  let tokens: QuotaState | undefined;
  for (const { account, rules } of parts) {
    if (rules === undefined) continue;
    const { requestsPerMinute, tokensPerMinute } = rules;
    requests = narrower(requests, stateOf(account.requestsFullMs, requestsPerMinute, nowMs));
    tokens = narrower(tokens, stateOf(account.tokensFullMs, tokensPerMinute, nowMs));
  }
  return { requests, tokens };
}

function stateOf(
  fullAtMs: number,
  perMinute: number | undefined,
  nowMs: number,
): QuotaState | undefined {
  if (perMinute === undefined) return undefined;
  return {
    limit: perMinute,
    remaining: remainingAt(fullAtMs, perMinute, nowMs),
    resetMs: Math.max(0, fullAtMs - nowMs),
  };
}
