import { expect, test } from "vitest";

import { createMetrics } from "../../../src/telemetry/metrics.ts";
import type { Metrics } from "../../../src/telemetry/metrics.ts";
import { summarize } from "../../../src/telemetry/metrics/summary.ts";

const times = { startedEpochMs: 1_000_000, nowEpochMs: 1_090_500 };

function openMetrics(): Metrics {
  return createMetrics({
    version: "1.2.3",
    commit: "abc",
    onCollectFailure: (error) => {
      throw error;
    },
  });
}

test("a ratio or a latency of nothing is null, and never zero or one", () => {
  const summary = summarize(openMetrics(), times);
  const unknown = { count: 0, mean: null, p50: null, p95: null, p99: null };
  expect(summary).toMatchObject({
    version: "1.2.3",
    commit: "abc",
    node: process.version,
    time: "1970-01-01T00:18:10.500Z",
    uptime_seconds: 90,
    requests: { total: 0, in_flight: 0, availability: null, by_code: {}, by_route: {} },
    tokens: { input: 0, output: 0, cached_input: 0, reasoning: 0 },
    cost_usd: { total: "0.000000000", exact: "0.000000000" },
    cache: { hit_ratio: null, saved_usd: "0.000000000", saved_tokens: 0 },
    latency_seconds: {
      request: unknown,
      overhead: unknown,
      upstream: unknown,
      time_to_first_token: unknown,
    },
  });
});

test("availability is the share of model calls without a 5xx; a client that left is no failure", () => {
  const metrics = openMetrics();
  const count = (route: "chat" | "admin", code: string, times: number): void =>
    metrics.requests.with("acme", "fast", "openai", route, code, "none").inc(times);
  count("chat", "200", 6);
  count("chat", "499", 2);
  count("chat", "502", 1);
  count("chat", "429", 1);
  count("admin", "500", 10);
  const { requests } = summarize(metrics, times);
  expect(requests).toMatchObject({
    total: 20,
    availability: 0.9,
    by_code: { 200: 6, 499: 2, 502: 1, 429: 1, 500: 10 },
    by_route: { chat: 10, admin: 10 },
  });
});

test("costs are summed to the nano-dollar, over tenants and by status", () => {
  const metrics = openMetrics();
  metrics.cost.with("a", "m", "p", "exact").inc(123_450);
  metrics.cost.with("b", "m", "p", "exact").inc(Number.MAX_SAFE_INTEGER);
  metrics.cost.with("b", "m", "p", "estimated").inc(1);
  metrics.cacheSavedUsd.with("a", "m").inc(7);
  const { cost_usd, cache } = summarize(metrics, times);
  expect(cost_usd).toEqual({
    total: "9007199.254864442",
    exact: "9007199.254864441",
    estimated: "0.000000001",
    unpriced: "0.000000000",
  });
  expect(cache.saved_usd).toBe("0.000000007");
});

test("the hit ratio leaves out what was not looked up", () => {
  const metrics = openMetrics();
  metrics.cacheLookups.with("exact").inc(2);
  metrics.cacheLookups.with("semantic").inc();
  metrics.cacheLookups.with("miss").inc();
  metrics.cacheLookups.with("bypass").inc(50);
  expect(summarize(metrics, times).cache.hit_ratio).toBe(0.75);
});

test("latencies are those of all series together, and overhead is that of the whole request", () => {
  const metrics = openMetrics();
  for (let times = 0; times < 50; times++) {
    metrics.requestDuration.with("chat", "true", "miss").observe(0.6);
    metrics.requestDuration.with("chat", "false", "exact").observe(0.002);
    metrics.overhead.with("total").observe(0.0004);
    metrics.overhead.with("cache").observe(0.9);
  }
  metrics.timeToFirstToken.with("openai", "slow").observe(61);
  const { latency_seconds } = summarize(metrics, times);
  expect(latency_seconds["request"]).toEqual({
    count: 100,
    mean: 0.301,
    p50: 0.005,
    p95: 0.95,
    p99: 0.99,
  });
  expect(latency_seconds["overhead"]).toMatchObject({ count: 50, p50: 0.000375 });
  // Above the last bucket: how far, nobody knows.
  expect(latency_seconds["time_to_first_token"]).toEqual({
    count: 1,
    mean: 61,
    p50: null,
    p95: null,
    p99: null,
  });
});
