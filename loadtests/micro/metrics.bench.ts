/**
 * What one figure costs: our cells beside prom-client's, in turns, in one process.
 *
 *     node loadtests/micro/metrics.bench.ts
 */
import { Counter, Histogram, Registry as PromRegistry } from "prom-client";

import { expositionParts } from "../../src/telemetry/metrics/exposition.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { inTurns, printFigures } from "./turns.ts";

const turns = { operations: 2_000_000, rounds: 7 };

const metrics = createMetrics({
  version: "0",
  onCollectFailure: (error) => {
    throw error;
  },
});
const { requests, requestDuration, cost, caps } = metrics;

const register = new PromRegistry();
const promCounter = new Counter({
  name: "requests_total",
  help: "Requests",
  labelNames: ["tenant", "model", "provider", "route", "code", "cache"],
  registers: [register],
});
const promHistogram = new Histogram({
  name: "request_duration_seconds",
  help: "Durations",
  labelNames: ["route", "stream", "cache"],
  buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300],
  registers: [register],
});

// Names as a gateway has them: a few tenants and models in turns.
const tenants = Array.from({ length: 16 }, (_, at) => `tenant-${at}`);
const models = ["fast", "smart", "cheap", "long-context"];
const durations = Float64Array.from({ length: 256 }, (_, at) => 0.002 * 1.04 ** at);
const tenantAt = (at: number): string => tenants[at & 15] ?? "";
const modelAt = (at: number): string => models[at & 3] ?? "";
const durationAt = (at: number): number => durations[at & 255] ?? 0;
const traceId = "0af7651916cd43dd8448eb211c80319c";

const boundCounter = requests.with("acme", "fast", "openai", "chat", "200", "miss");
const boundCost = cost.with("acme", "fast", "openai", "exact");
const boundHistogram = requestDuration.with("chat", "true", "miss");
const promLabels = { route: "chat", stream: "true", cache: "miss" };
const promBound = promCounter.labels("acme", "fast", "openai", "chat", "200", "miss");
const promBoundHistogram = promHistogram.labels(promLabels);

const cases: Record<string, (at: number) => void> = {
  "nothing (the loop itself)": () => undefined,
  "ours: bound inc": () => boundCounter.inc(),
  "ours: bound exact inc (nano-dollars)": (at) => boundCost.inc(at),
  "ours: bound observe": (at) => boundHistogram.observe(durationAt(at)),
  "ours: bound observe with exemplar": (at) => boundHistogram.observe(durationAt(at), traceId),
  "ours: cap": (at) => caps.tenant.of(tenantAt(at)),
  "ours: with 6 labels, inc": (at) =>
    requests.with(tenantAt(at), modelAt(at), "openai", "chat", "200", "miss").inc(),
  "ours: with 3 labels, observe": (at) =>
    requestDuration.with("chat", at & 1 ? "true" : "false", "miss").observe(durationAt(at)),
  "prom-client: bound inc, 6 labels": () => promBound.inc(),
  "prom-client: inc, 6 labels": (at) =>
    promCounter.inc({
      tenant: tenantAt(at),
      model: modelAt(at),
      provider: "openai",
      route: "chat",
      code: "200",
      cache: "miss",
    }),
  "prom-client: bound observe, 3 labels": (at) => promBoundHistogram.observe(durationAt(at)),
  "prom-client: observe, 3 labels": (at) =>
    promHistogram.observe({ ...promLabels, stream: at & 1 ? "true" : "false" }, durationAt(at)),
};

printFigures(inTurns(cases, turns), turns, "ns");

/** A large gateway's scrape: how long the event loop is held up. */
const large = createMetrics({
  version: "0",
  onCollectFailure: (error) => {
    throw error;
  },
});
for (let tenant = 0; tenant < 100; tenant++) {
  for (let model = 0; model < 20; model++) {
    const names = [`tenant-${tenant}`, `model-${model}`, "openai"] as const;
    for (const code of ["200", "429", "502"])
      large.requests.with(...names, "chat", code, "miss").inc();
    for (const type of ["input", "output"] as const) large.tokens.with(...names, type).inc(100);
    large.cost.with(...names, "exact").inc(123_456);
  }
}
const longestMs: number[] = [];
let bytes = 0;
for (let scrape = 0; scrape < 21; scrape++) {
  let longest = 0;
  bytes = 0;
  let startMs = performance.now();
  for (const part of expositionParts(large.registry.snapshots(), "openmetrics")) {
    longest = Math.max(longest, performance.now() - startMs);
    bytes += part.length;
    startMs = performance.now();
  }
  longestMs.push(longest);
}
const medianMs = longestMs.toSorted((a, b) => a - b)[10] ?? 0;
console.log(
  `\na scrape of ${Math.round(bytes / 1024)} KiB (100 tenants, 20 models) holds the event loop for ` +
    `${medianMs.toFixed(1)} ms at a time`,
);
