import { expect, test } from "vitest";

import { saidBetween } from "../../../loadtests/load/gateway-metrics.ts";
import { LiveFigures } from "../../../loadtests/load/live-figures.ts";
import { together, type Measured } from "../../../loadtests/load/measured.ts";
import { progressLine } from "../../../loadtests/load/progress.ts";
import { quantileBetween, readSamples } from "../../../loadtests/load/prometheus-text.ts";
import {
  isMet,
  jsonReport,
  markdownReport,
  terminalReport,
  type ScenarioReport,
} from "../../../loadtests/load/report.ts";

const measured: Measured = {
  elapsedSeconds: 2,
  answeredCount: 100,
  statuses: { 200: 98, 429: 2 },
  errorCount: 1,
  latenciesMs: Array.from({ length: 98 }, (_, index) => index + 1),
  cache: { miss: 60, exact: 38 },
  severalAttemptsCount: 3,
  notes: ["all went well"],
  faults: [],
};

const before = readSamples(`
# TYPE sentinel_requests_total counter
sentinel_requests_total{tenant="default",code="200"} 10
sentinel_cost_usd_total{tenant="default",status="exact"} 0.5
sentinel_overhead_seconds_bucket{stage="total",le="0.001"} 10
sentinel_overhead_seconds_bucket{stage="total",le="0.002"} 10
sentinel_overhead_seconds_bucket{stage="total",le="+Inf"} 10
`);
const after = readSamples(`
sentinel_requests_total{tenant="default",code="200"} 100
sentinel_requests_total{tenant="say \\"hi\\"",code="429"} 10 # {trace_id="1"} 1
sentinel_cost_usd_total{tenant="default",status="exact"} 0.75
sentinel_cache_lookups_total{outcome="exact"} 38
sentinel_cache_lookups_total{outcome="miss"} 62
sentinel_overhead_seconds_bucket{stage="total",le="0.001"} 60
sentinel_overhead_seconds_bucket{stage="total",le="0.002"} 110
sentinel_overhead_seconds_bucket{stage="total",le="+Inf"} 110
sentinel_overhead_seconds_bucket{stage="cache",le="+Inf"} 1
`);

const said = saidBetween(before, after);
const report: ScenarioReport = {
  scenario: "steady",
  model: "mock-fast",
  size: { seconds: 2, connections: 5, ratePerSecond: 50 },
  measured,
  gateway: said === undefined ? { kind: "unread", reason: "?" } : { kind: "read", said },
  expectations: [
    { says: "requests were answered", isMet: true },
    { says: "no connection failed", isMet: false },
  ],
};

test("what the gateway says of a run is what its metrics have gone up by", () => {
  expect(said).toMatchObject({ requests: 100, costUsd: 0.25, cacheHits: 38, cacheLookups: 100 });
  // 50 of 100 took up to 1 ms, 50 up to 2 ms.
  expect(said?.overheadP50Ms).toBeCloseTo(1);
  expect(said?.overheadP99Ms).toBeCloseTo(1.98);
  expect(saidBetween([], readSamples("process_cpu_seconds_total 1"))).toBeUndefined();
});

test("a histogram that took in nothing has no quantile, and one beyond its buckets the last bound", () => {
  const histogram = { name: "sentinel_overhead_seconds", labels: { stage: "total" } };
  expect(quantileBetween({ before: after, after }, histogram, 0.5)).toBeUndefined();
  const beyond = readSamples('h_bucket{le="1"} 1\nh_bucket{le="+Inf"} 10');
  expect(quantileBetween({ before: [], after: beyond }, { name: "h" }, 0.99)).toBe(1);
});

test("the report has what clients and gateway saw, and which expectation was not met", () => {
  const text = terminalReport(report);
  expect(text).toContain("steady: mock-fast, 5 connections, 50 a second, 2 s");
  expect(text).toMatch(/answers +100 in 2\.0 s/);
  expect(text).toMatch(/latency of good answers +p50 49 ms .* p99 98 ms/);
  expect(text).toMatch(/statuses +200: 98 {2}429: 2/);
  expect(text).toMatch(/not 2xx +2 \(2\.00 %\)/);
  expect(text).toMatch(/cache hits of look-ups +38 \(38\.00 %\)/);
  expect(text).toContain("FAILED  no connection failed");
  expect(isMet(report)).toBe(false);
});

test("as Markdown it is a table, and as JSON it has percentiles in the place of single times", () => {
  const markdown = markdownReport([report], "http://127.0.0.1:8000");
  expect(markdown).toContain("| rate | 50 a second |");
  expect(markdown).toContain("- **failed**: no connection failed");
  const json: unknown = JSON.parse(jsonReport([report], "here"));
  expect(json).toMatchObject({
    scenarios: [
      { is_met: false, measured: { answeredCount: 100, latency_ms: { p50: 49, most: 98 } } },
    ],
  });
});

test("metrics that may not be read are named with the reason, and the rest is there", () => {
  const gateway = { kind: "unread", reason: "/metrics answered 401" } as const;
  const text = terminalReport({ ...report, gateway });
  expect(text).toMatch(/the gateway's metrics +not read: \/metrics answered 401/);
});

test("phases of a scenario add up", () => {
  expect(together([measured, measured])).toMatchObject({
    answeredCount: 200,
    elapsedSeconds: 4,
    statuses: { 200: 196, 429: 4 },
    cache: { miss: 120, exact: 76 },
  });
});

test("the progress line tells the latest latencies and every status that is not good", () => {
  const live = new LiveFigures();
  for (const latencyMs of [1, 2, 3]) live.answer(200, latencyMs);
  live.answer(503, 900);
  live.error();
  const line = progressLine("steady", live, { elapsedMs: 2_000, perSecond: 2 });
  expect(line).toBe("steady  2 s  2/s  p50 2.0 ms  p99 3.0 ms  errors 1  503: 1");
  expect(progressLine("steady", live, { elapsedMs: 3_000, perSecond: 0 })).toContain("p50 – ms");
});
