import type { Failure, FailureKind } from "../../errors.ts";
import type { Attempt } from "../../providers/provider.ts";
import type { ErrorType, UpstreamOutcome } from "../../telemetry/metrics/label-values.ts";
import type { Exchange } from "../exchange.ts";

/** Whose doing each failure is. What a provider refused is told apart further by its status. */
const typeOfKind = {
  invalid_json: "caller_invalid_request",
  invalid_value: "caller_invalid_request",
  unsupported_endpoint: "caller_invalid_request",
  invalid_api_key: "caller_unauthenticated",
  model_not_allowed: "caller_forbidden",
  permission_denied: "caller_forbidden",
  model_not_found: "caller_not_found",
  not_found: "caller_not_found",
  method_not_allowed: "caller_invalid_request",
  request_timeout: "caller_invalid_request",
  conflict: "caller_invalid_request",
  body_too_large: "caller_invalid_request",
  unsupported_media_type: "caller_invalid_request",
  headers_too_large: "caller_invalid_request",
  rate_limit_exceeded: "policy_rate_limit",
  budget_exceeded: "policy_budget",
  client_closed_request: "caller_disconnected",
  internal_error: "sentinel_internal",
  provider_rejected: "provider_rejected",
  upstream_error: "provider_error",
  no_healthy_upstream: "provider_unavailable",
  store_unavailable: "sentinel_store_unavailable",
  overloaded: "sentinel_overloaded",
  shutting_down: "sentinel_shutting_down",
  upstream_timeout: "provider_timeout",
  cache_miss: "policy_cache_only",
} as const satisfies Record<FailureKind, ErrorType>;

/** The `type` of `sentinel_errors_total`. */
export function errorTypeOf({ kind, status }: Pick<Failure, "kind" | "status">): ErrorType {
  if (kind !== "provider_rejected") return typeOfKind[kind];
  if (status === 429) return "provider_rate_limited";
  return isAboutCredential(status) ? "provider_credential" : "provider_rejected";
}

/** How one attempt ended, as far as its provider is concerned. */
export function outcomeOf(attempt: Attempt, { attempts, end }: Exchange): UpstreamOutcome {
  const { errorKind, status = 0 } = attempt;
  if (errorKind !== undefined) return outcomeOfFailure(errorKind, status);
  // Its answer began; what became of it only the whole exchange knows, and only of the last.
  if (attempt !== attempts.at(-1) || end?.outcome.kind !== "failed") return "ok";
  const { kind, status: failedStatus } = end.outcome.failure;
  // What went wrong with a good answer afterwards is not its provider's.
  return kind === "internal_error" ? "ok" : outcomeOfFailure(kind, failedStatus);
}

function outcomeOfFailure(kind: FailureKind, status: number): UpstreamOutcome {
  switch (kind) {
    case "upstream_error":
      return "error";
    case "upstream_timeout":
      return "timeout";
    case "provider_rejected":
      if (status === 429) return "rate_limited";
      return isAboutCredential(status) ? "credential" : "rejected";
    case "client_closed_request":
    case "shutting_down":
    case "budget_exceeded": // Of a stream that was cut because of it.
      return "canceled";
    default:
      return "rejected";
  }
}

const isAboutCredential = (status: number): boolean =>
  status === 401 || status === 402 || status === 403;
