import { toFailure } from "../../../errors.ts";
import type { Failure } from "../../../errors.ts";
import type { FailedVerdict, JudgeFailure } from "./verdict.ts";

/** Why there is no verdict, without what was paid for that. */
export type Failed = Omit<FailedVerdict, "spend">;

export const failedFor = (failure: JudgeFailure): Failed => ({
  kind: "failed",
  failure,
  mayRetry: false,
});

/** Whoever gave up, gave up waiting: it may be done again. */
export const gaveUp: Failed = { kind: "failed", failure: "timeout", mayRetry: true };

/** What it means for a verdict that the judge could not be asked. */
export function callFailure(thrown: unknown): Failed {
  const failure = toFailure(thrown);
  const reason = reasonOf(failure);
  if (!retried.has(reason)) return failedFor(reason);
  const { retryAfterMs } = failure;
  const outlook = { kind: "failed", failure: reason, mayRetry: true } as const;
  return retryAfterMs === undefined ? outlook : { ...outlook, retryAfterMs };
}

const retried: ReadonlySet<JudgeFailure> = new Set(["timeout", "rate_limited", "upstream_error"]);

function reasonOf(failure: Failure): JudgeFailure {
  switch (failure.kind) {
    case "budget_exceeded":
      return "daily_cap";
    case "rate_limit_exceeded":
      return "rate_limited";
    case "upstream_timeout":
    case "request_timeout":
    case "client_closed_request":
      return "timeout";
    case "provider_rejected":
      return failure.body.code === filteredCode ? "refused" : rejectionOf(failure.status);
    case "model_not_found":
      return "unknown_model";
    case "model_not_allowed":
      return failure.body.code === unpricedCode ? "unpriced_model" : "bad_request";
    default:
      return failure.status >= 500 ? "upstream_error" : "bad_request";
  }
}

/** The code of the `model_not_allowed` that says that a cap could not count the call. */
export const unpricedCode = "unpriced_model";

/** The code of Azure's filter, which looks at what is asked as well. */
const filteredCode = "content_filter";

/** By the provider's own status. An account that has nothing left to spend is a 429 as well, and may be filled up. */
function rejectionOf(status: number): JudgeFailure {
  if (status === 429) return "rate_limited";
  if (status === 408) return "timeout";
  return status === 409 || status >= 500 ? "upstream_error" : "bad_request";
}
