import { closedLabel, openLabel } from "./label.ts";
import { circuitStates, retryReasons, upstreamOutcomes } from "./label-values.ts";
import type { Registry } from "./registry.ts";
import { requestBounds } from "./request-families.ts";

const firstTokenBounds = requestBounds.filter((seconds) => seconds <= 60);
const perTokenBounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5] as const;

/** What there is to say of providers and the ways to them. */
export function upstreamFamilies(registry: Registry) {
  const provider = openLabel("provider");
  const model = openLabel("model");
  return {
    upstreamDuration: registry.histogram({
      name: "sentinel_upstream_duration_seconds",
      help: "Seconds that one attempt at a provider took, to the last byte of its answer, by how it ended.",
      labels: [provider, model, closedLabel("outcome", upstreamOutcomes)],
      bounds: requestBounds,
    }),
    timeToFirstToken: registry.histogram({
      name: "sentinel_time_to_first_token_seconds",
      help: "Seconds from a streamed request's arrival to the first event of its answer.",
      labels: [provider, model],
      bounds: firstTokenBounds,
    }),
    timePerOutputToken: registry.histogram({
      name: "sentinel_time_per_output_token_seconds",
      help: "Seconds per output token after the first, averaged over one streamed answer.",
      labels: [provider, model],
      bounds: perTokenBounds,
    }),
    /** One-hot: 1 for the state that the target is in, 0 for the others. */
    circuitState: registry.gauge({
      name: "sentinel_circuit_state",
      help: "1 for the state that a target's circuit breaker is in, 0 for its other states.",
      labels: [openLabel("target"), closedLabel("state", circuitStates)],
      others: "hidden",
    }),
    upstreamRetries: registry.counter({
      name: "sentinel_upstream_retries_total",
      help: "Attempts at the same provider after one that failed, by how that one failed.",
      labels: [provider, closedLabel("reason", retryReasons)],
    }),
    fallbacks: registry.counter({
      name: "sentinel_fallbacks_total",
      help: "Requests that went past a target to the next, by the providers they went from and to; open circuits included.",
      labels: [openLabel("from"), openLabel("to")],
    }),
    upstreamInflightRequests: registry.gauge({
      name: "sentinel_upstream_inflight_requests",
      help: "Requests that a provider is answering now.",
      labels: [provider],
    }),
  };
}
