import type { FailureKind } from "../../errors.ts";
import type { Attempt } from "../../providers/provider.ts";
import { isServing } from "../attempt-end.ts";
import type { Exchange } from "../exchange.ts";

/**
 * `error.type` of an attempt: the provider's status where it refused, otherwise the kind of failure. Undefined where the
 * provider is not at fault: its answer was good, or nobody waited for it any more.
 */
export function attemptError(exchange: Exchange, attempt: Attempt): string | undefined {
  const { errorKind, status } = attempt;
  if (errorKind === "provider_rejected" && status !== undefined) return String(status);
  if (errorKind !== undefined) return givenUp.has(errorKind) ? undefined : errorKind;
  const outcome = exchange.end?.outcome;
  if (outcome?.kind !== "failed" || !isServing(exchange, attempt)) return undefined;
  return brokenOff.has(outcome.failure.kind) ? outcome.failure.kind : undefined;
}

const givenUp: ReadonlySet<FailureKind> = new Set(["client_closed_request", "shutting_down"]);
/** How a stream ends that had begun well, where that is its provider's doing. */
const brokenOff: ReadonlySet<FailureKind> = new Set([
  "upstream_error",
  "upstream_timeout",
  "provider_rejected",
]);
