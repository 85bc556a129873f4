import { closedLabel, openLabel, statusLabel } from "./label.ts";
import {
  cacheLabels,
  costStatuses,
  errorTypes,
  overheadStages,
  routes,
  streamLabels,
  tokenTypes,
} from "./label-values.ts";
import type { Registry } from "./registry.ts";

/** Seconds, from an answer out of the cache to the longest that a model may think. */
export const requestBounds = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300,
] as const;

/** Seconds. What Sentinel itself takes is some hundred microseconds. */
const overheadBounds = [
  0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1,
] as const;

/** What there is to say of a request as a whole. */
export function requestFamilies(registry: Registry) {
  const tenant = openLabel("tenant");
  const model = openLabel("model");
  const provider = openLabel("provider");
  const route = closedLabel("route", routes);
  const cache = closedLabel("cache", cacheLabels);
  const stream = closedLabel("stream", streamLabels);
  return {
    requests: registry.counter({
      name: "sentinel_requests_total",
      help: "Requests answered, by HTTP status; 499 is a client that left. Probes are not counted.",
      labels: [tenant, model, provider, route, statusLabel("code"), cache],
    }),
    errors: registry.counter({
      name: "sentinel_errors_total",
      help: "Requests that failed, by who has to answer for it (caller, policy, provider, sentinel) and why.",
      labels: [provider, closedLabel("type", errorTypes)],
    }),
    requestDuration: registry.histogram({
      name: "sentinel_request_duration_seconds",
      help: "Seconds from a request's arrival to the last byte of its answer.",
      labels: [route, stream, cache],
      bounds: requestBounds,
    }),
    overhead: registry.histogram({
      name: "sentinel_overhead_seconds",
      help: "Seconds that Sentinel itself took for a request, by stage; total leaves out waiting for the body, a provider or a retry.",
      labels: [closedLabel("stage", overheadStages)],
      bounds: overheadBounds,
    }),
    tokens: registry.counter({
      name: "sentinel_tokens_total",
      help: "Tokens of answered requests. cached_input is part of input, reasoning of output: never sum all types.",
      labels: [tenant, model, provider, closedLabel("type", tokenTypes)],
    }),
    /** Counts nano-dollars; shown in dollars. */
    cost: registry.counter({
      name: "sentinel_cost_usd_total",
      help: "US dollars that requests cost, by whether the amount is exact, estimated or unpriced.",
      labels: [tenant, model, provider, closedLabel("status", costStatuses)],
      fractionDigits: 9,
    }),
    inflightRequests: registry.gauge({
      name: "sentinel_inflight_requests",
      help: "Model calls being answered now.",
      labels: [stream],
    }),
  };
}
