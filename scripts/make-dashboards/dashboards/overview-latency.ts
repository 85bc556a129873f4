import { byModel, byProvider, quantile } from "./queries.ts";
import { lines, one } from "./spec.ts";
import type { RowSpec } from "./spec.ts";
import { modelCalls } from "../rules/objective.ts";

const duration = (of: number): string =>
  quantile(of, "", "sentinel_request_duration_seconds", modelCalls);

export const latencyRow: RowSpec = {
  title: "Latency",
  panels: [
    lines({
      title: "Request latency",
      description:
        "Of model calls, to the last byte; nearly all of it is the model's. Points are traces of single requests, where traces are sampled.",
      unit: "s",
      isLogarithmic: true,
      queries: [0.5, 0.95, 0.99].map((of) => ({
        expr: duration(of),
        legend: `p${of * 100}`,
        hasExemplars: of === 0.99,
      })),
    }),
    lines({
      title: "Overhead by stage",
      description:
        "What Sentinel itself takes. The goal is 2 ms at p99 in total; above 10 ms it alerts. total leaves out what is waited for: the body, the provider, a pause before a retry.",
      unit: "s",
      isLogarithmic: true,
      queries: [0.5, 0.99].map((of) => ({
        expr: quantile(of, "stage", "sentinel_overhead_seconds"),
        legend: `p${of * 100} {{stage}}`,
      })),
    }),
    lines({
      title: "Time to first token",
      description:
        "p95 by model, of streams. One model alone: the model; all of a provider: the provider; all of them: the network, or us.",
      unit: "s",
      isLogarithmic: true,
      queries: one(
        quantile(0.95, "provider, model", "sentinel_time_to_first_token_seconds", byModel),
        "{{provider}} {{model}}",
      ),
    }),
    lines({
      title: "Time per output token",
      description:
        "p95 by model, after the first token. It grows when the provider is overloaded, or the client reads slowly.",
      unit: "s",
      isLogarithmic: true,
      queries: one(
        quantile(0.95, "provider, model", "sentinel_time_per_output_token_seconds", byModel),
        "{{provider}} {{model}}",
      ),
    }),
    lines({
      title: "Provider latency",
      description:
        "p95 of single attempts, retries and fallbacks apart. Compare with Request latency.",
      unit: "s",
      isLogarithmic: true,
      queries: one(
        quantile(0.95, "provider", "sentinel_upstream_duration_seconds", byModel),
        "{{provider}}",
      ),
    }),
    lines({
      title: "Attempts in flight",
      description:
        "Requests that a provider is answering now. One that only climbs does not answer.",
      unit: "none",
      queries: one(
        `sum by (provider) (sentinel_upstream_inflight_requests{${byProvider}})`,
        "{{provider}}",
      ),
    }),
  ],
};
