import { usdText } from "../../lib/usd.ts";
import type { Metrics } from "../metrics.ts";
import type { HistogramReading } from "./cells.ts";
import { noneValue } from "./label.ts";
import { costStatuses, modelCallRoutes, tokenTypes } from "./label-values.ts";
import { quantileOf, sumOfHistograms } from "./quantile.ts";
import type { FamilySnapshot, SeriesSnapshot } from "./snapshot.ts";

/**
 * What `GET /metrics` answers, for people and scripts, and `metrics` besides (`familiesJson`); everything is counted since
 * this process started.
 *
 * - `version`, `commit`, `node`, `time` (ISO 8601), `uptime_seconds`
 * - `requests`: `total`, `in_flight`, `by_code` and `by_route` (counts), `availability` (share of model calls that
 *   were not answered with 5xx)
 * - `errors`: `by_type` (counts)
 * - `tokens`: counts by type; the total is `input` + `output`, the others are parts of them
 * - `cost_usd`: `total` and each status, as exact decimal strings like those of `/v1/usage`
 * - `cache`: `hit_ratio`, `lookups` by outcome, `saved_usd` (decimal string), `saved_tokens`
 * - `latency_seconds`: of `request`, `overhead` (its stage `total`), `upstream` and `time_to_first_token`: `count`,
 *   `mean`, and `p50`, `p95`, `p99` as estimated from the buckets, as PromQL's `histogram_quantile` does
 * - `metrics`: every family by its name in Prometheus, with `type`, `help` and `series` (`labels`, and `value`; for a
 *   histogram `count`, `sum` and cumulative `buckets`)
 *
 * A ratio or a latency that nothing has been observed for is null; so is a percentile above the last bucket.
 */
export interface MetricsSummary {
  readonly version: string;
  readonly commit: string;
  readonly node: string;
  readonly time: string;
  readonly uptime_seconds: number;
  readonly requests: {
    readonly total: number;
    readonly in_flight: number;
    readonly availability: number | null;
    readonly by_code: Counts;
    readonly by_route: Counts;
  };
  readonly errors: { readonly by_type: Counts };
  readonly tokens: Counts;
  readonly cost_usd: Readonly<Record<string, string>>;
  readonly cache: {
    readonly hit_ratio: number | null;
    readonly lookups: Counts;
    readonly saved_usd: string;
    readonly saved_tokens: number;
  };
  readonly latency_seconds: Readonly<Record<string, Latency>>;
}

type Counts = Readonly<Record<string, number>>;

interface Latency {
  readonly count: number;
  readonly mean: number | null;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
}

export interface SummaryTimes {
  readonly nowEpochMs: number;
  readonly startedEpochMs: number;
}

export function summarize(metrics: Metrics, times: SummaryTimes): MetricsSummary {
  const requests = metrics.requests.snapshot();
  const cost = metrics.cost.snapshot();
  const lookups = countsBy(metrics.cacheLookups.snapshot(), "outcome");
  return {
    ...metrics.build,
    time: new Date(times.nowEpochMs).toISOString(),
    uptime_seconds: Math.floor((times.nowEpochMs - times.startedEpochMs) / 1_000),
    requests: {
      total: totalOf(requests),
      in_flight: totalOf(metrics.inflightRequests.snapshot()),
      availability: availabilityOf(requests),
      by_code: countsBy(requests, "code"),
      by_route: countsBy(requests, "route"),
    },
    errors: { by_type: countsBy(metrics.errors.snapshot(), "type") },
    tokens: { ...zeros(tokenTypes), ...countsBy(metrics.tokens.snapshot(), "type") },
    cost_usd: { total: usdSum(cost.series), ...usdByStatus(cost) },
    cache: {
      hit_ratio: hitRatioOf(lookups),
      lookups,
      saved_usd: usdSum(metrics.cacheSavedUsd.snapshot().series),
      saved_tokens: totalOf(metrics.cacheSavedTokens.snapshot()),
    },
    latency_seconds: {
      request: latencyOf(metrics.requestDuration.snapshot().series),
      overhead: latencyOf(seriesWith(metrics.overhead.snapshot(), "stage", "total")),
      upstream: latencyOf(metrics.upstreamDuration.snapshot().series),
      time_to_first_token: latencyOf(metrics.timeToFirstToken.snapshot().series),
    },
  };
}

function availabilityOf(requests: FamilySnapshot): number | null {
  const isModelCall = new Set<string>(modelCallRoutes);
  const routeAt = requests.labelNames.indexOf("route");
  const calls = requests.series.filter(({ labelValues }) =>
    isModelCall.has(labelValues[routeAt] ?? ""),
  );
  const codes = Object.entries(countsBy({ ...requests, series: calls }, "code"));
  const all = sum(codes.map(([, count]) => count));
  // Who wants an answer from the cache alone gets a 504, and that is no failure of ours: nobody was asked.
  const choice = seriesWith({ ...requests, series: calls }, "provider", noneValue);
  const chosen = countsBy({ ...requests, series: choice }, "code")["504"] ?? 0;
  const failed = sum(codes.map(([code, count]) => (code.startsWith("5") ? count : 0))) - chosen;
  return all === 0 ? null : (all - failed) / all;
}

/** What was not looked up is neither a hit nor a miss. */
function hitRatioOf({ exact = 0, semantic = 0, miss = 0, error = 0 }: Counts): number | null {
  const lookups = exact + semantic + miss + error;
  return lookups === 0 ? null : (exact + semantic) / lookups;
}

function usdByStatus(cost: FamilySnapshot): Record<string, string> {
  return Object.fromEntries(
    costStatuses.map((status) => [status, usdSum(seriesWith(cost, "status", status))]),
  );
}

const zeros = (names: readonly string[]): Counts =>
  Object.fromEntries(names.map((name) => [name, 0]));

/** Exact: their texts have nine decimals, so without the point they are nano-dollars. */
function usdSum(series: readonly SeriesSnapshot[]): string {
  let nanoUsd = 0n;
  for (const { reading } of series) {
    if (reading.kind === "number") nanoUsd += BigInt(reading.text.replace(".", ""));
  }
  return usdText(nanoUsd);
}

function latencyOf(series: readonly SeriesSnapshot[]): Latency {
  const readings = series
    .map(({ reading }) => reading)
    .filter((reading): reading is HistogramReading => reading.kind === "histogram");
  const all = sumOfHistograms(readings);
  return {
    count: all.count,
    mean: all.count === 0 ? null : rounded(all.sum / all.count),
    p50: rounded(quantileOf(all, 0.5)),
    p95: rounded(quantileOf(all, 0.95)),
    p99: rounded(quantileOf(all, 0.99)),
  };
}

/** To six digits: more would only be how doubles round. */
function rounded(seconds: number | undefined): number | null {
  return seconds === undefined ? null : Number(seconds.toPrecision(6));
}

function seriesWith(
  family: FamilySnapshot,
  label: string,
  value: string,
): readonly SeriesSnapshot[] {
  const at = family.labelNames.indexOf(label);
  return family.series.filter(({ labelValues }) => labelValues[at] === value);
}

function totalOf(family: FamilySnapshot): number {
  return sum(family.series.map(valueOf));
}

function countsBy(family: FamilySnapshot, label: string): Counts {
  const at = family.labelNames.indexOf(label);
  const byValue = Map.groupBy(family.series, ({ labelValues }) => labelValues[at] ?? "");
  return Object.fromEntries(
    [...byValue].map(([value, series]) => [value, sum(series.map(valueOf))]),
  );
}

function valueOf({ reading }: SeriesSnapshot): number {
  return reading.kind === "number" ? reading.value : 0;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
