import { expect, test } from "vitest";

import type { Exchange } from "../../../../src/pipeline/exchange.ts";
import { BudgetGauges } from "../../../../src/pipeline/metrics/budget-gauges.ts";
import { exchangeMetrics } from "../../../../src/pipeline/metrics/exchange-metrics.ts";
import { RunningExchanges } from "../../../../src/pipeline/metrics/running-exchanges.ts";
import { expositionText } from "../../../../src/telemetry/metrics/exposition.ts";
import {
  histogramSeriesMaxDefault,
  seriesMaxDefault,
} from "../../../../src/telemetry/metrics/registry.ts";
import { createMetrics } from "../../../../src/telemetry/metrics.ts";
import { endedExchange } from "../../../support/exchanges.ts";

/** Of each kind of name, where nobody sets another bound. */
const namesMax = 100;
const crowd = 10_000;

interface Shown {
  /** Series as Prometheus counts them: a histogram's are one for each bucket, and two. */
  readonly sampleCount: number;
  /** Series by metric; a histogram's by its `_count`. */
  readonly seriesCounts: ReadonlyMap<string, number>;
  readonly requestCount: number;
}

/** What the metrics show after exchanges by tenants and for models of these numbers. */
function shownAfter(pairs: Iterable<readonly [tenant: number, model: number]>): Shown {
  const metrics = createMetrics({ version: "1", onCollectFailure: fail });
  const budgets = new BudgetGauges(namesMax);
  const running = new RunningExchanges();
  const sink = exchangeMetrics({ metrics, running, budgets, onError: fail });
  const exchange = endedExchange({ isStream: true, firstTokenTickMs: 60 });
  for (const [tenant, model] of pairs) sink.record(by(exchange, tenant, model));
  const samples = expositionText(metrics.registry.snapshots(), "prometheus")
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  const names = samples.map((sample) => sample.split(/[{ ]/, 1)[0] ?? "");
  const seriesCounts = new Map<string, number>();
  for (const name of names) seriesCounts.set(name, (seriesCounts.get(name) ?? 0) + 1);
  const requests = samples.filter((sample) => sample.startsWith("sentinel_requests_total{"));
  return {
    sampleCount: samples.length,
    seriesCounts,
    requestCount: requests.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0),
  };
}

const by = (exchange: Exchange, tenant: number, model: number): Exchange => ({
  ...exchange,
  caller: { ...exchange.caller, tenantId: `tenant-${tenant}` },
  model: `model-${model}`,
});

function fail(error: unknown): void {
  throw error instanceof Error ? error : new Error("it failed");
}

test("ten thousand tenants, each with a model of its own, are a hundred of each and the others", () => {
  const { seriesCounts, sampleCount, requestCount } = shownAfter(
    Array.from({ length: crowd }, (_, index) => [index, index] as const),
  );
  expect(seriesCounts.get("sentinel_requests_total")).toBe(namesMax + 1);
  expect(seriesCounts.get("sentinel_time_to_first_token_seconds_count")).toBe(namesMax + 1);
  expect(sampleCount).toBeLessThan(10_000);
  expect(requestCount).toBe(crowd);
});

test("where every tenant uses every model no metric has more series than its bound, and nothing is uncounted", () => {
  const side = namesMax + 20;
  const { seriesCounts, requestCount } = shownAfter(
    Array.from({ length: side ** 2 }, (_, at) => [Math.floor(at / side), at % side] as const),
  );
  expect(seriesCounts.get("sentinel_requests_total")).toBeGreaterThan(seriesMaxDefault - 1);
  for (const [name, count] of seriesCounts) {
    // The series of all others come on top: one for each combination of closed values that occurred, here one.
    const max = name.endsWith("_count") ? histogramSeriesMaxDefault : seriesMaxDefault;
    if (!name.endsWith("_bucket")) expect.soft(count, name).toBeLessThanOrEqual(max + 10);
  }
  expect(requestCount).toBe(side ** 2);
});

test("names that clients make up and nobody serves are one model, however many they are", () => {
  const metrics = createMetrics({ version: "1", onCollectFailure: fail });
  const running = new RunningExchanges();
  const budgets = new BudgetGauges(namesMax);
  const sink = exchangeMetrics({ metrics, running, budgets, onError: fail });
  const refused = endedExchange({ attempts: [] });
  for (let index = 0; index < crowd; index++) sink.record(by(refused, 0, index));
  const requests = [...metrics.registry.snapshots()].find(
    ({ name }) => name === "sentinel_requests_total",
  );
  expect(requests?.series.map(({ labelValues }) => labelValues[1])).toEqual(["_unknown"]);
});

test("evaluators beyond a hundred are counted as one, and the overflow says which label it was", () => {
  const { caps, judgeScore, registry } = createMetrics({ version: "1", onCollectFailure: fail });
  for (let index = 0; index < crowd; index++) {
    judgeScore.with(caps.evaluator.of(`evaluator-${index}`)).observe(0.5);
  }
  const samples = expositionText(registry.snapshots(), "prometheus").split("\n");
  const counts = samples.filter((sample) => sample.startsWith("sentinel_judge_score_count{"));
  expect(counts).toHaveLength(namesMax + 1);
  expect(counts).toContain(`sentinel_judge_score_count{evaluator="_other"} ${crowd - namesMax}`);
  expect(samples).toContain(`sentinel_label_overflow_total{label="evaluator"} ${crowd - namesMax}`);
});
