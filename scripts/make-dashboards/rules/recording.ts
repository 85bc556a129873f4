import { errorBudget, failedCalls, modelCalls, noTraffic } from "./objective.ts";
import type { RecordingRule, RuleGroup } from "./rule.ts";
import { daySeconds, hourSeconds, minuteSeconds, realTime, spanIn } from "./time-scale.ts";
import type { Span, TimeScale } from "./time-scale.ts";

/** All recording rules. Their names say the real windows, also where the time is scaled. */
export function recordingRules(scale: TimeScale = realTime): readonly RuleGroup<RecordingRule>[] {
  const span = spanIn(scale);
  const interval = intervalIn(scale);
  return [
    {
      name: "sentinel_slo",
      interval: interval(30),
      rules: [
        ...burnRules("5m", span(5 * minuteSeconds)),
        ...burnRules("30m", span(30 * minuteSeconds)),
        ...burnRules("1h", span(hourSeconds)),
      ],
    },
    {
      // Long windows move slowly and are dear to read.
      name: "sentinel_slo_slow",
      interval: interval(120),
      rules: [
        ...burnRules("6h", span(6 * hourSeconds)),
        ...burnRules("3d", span(3 * daySeconds)),
        budgetLeft(span),
      ],
    },
    { name: "sentinel_latency", interval: interval(30), rules: latencyRules(span) },
    { name: "sentinel_providers_recorded", interval: interval(30), rules: providerRules(span) },
    { name: "sentinel_cache_and_spend", interval: interval(60), rules: cacheAndSpend(span) },
  ];
}

/** Prometheus is not asked to evaluate more than once a second, however much time is scaled. */
export const intervalIn =
  ({ timeScale }: TimeScale): Span =>
  (seconds) =>
    spanIn(realTime)(Math.max(1, Math.round(seconds * timeScale)));

function burnRules(name: string, window: string): readonly RecordingRule[] {
  const calls = `sum by (job) (rate(sentinel_requests_total{${modelCalls}}[${window}]))`;
  return [
    { record: `job:sentinel_requests:rate${name}`, expr: calls },
    {
      record: `job:sentinel_request_failures:rate${name}`,
      // Where nothing ever failed there is no series of failures, and 0 is the answer.
      expr: `sum by (job) ${failedCalls(modelCalls, window)} or ${calls} * 0`,
    },
    {
      record: `job:sentinel_request_failures:ratio_rate${name}`,
      expr: `job:sentinel_request_failures:rate${name} / clamp_min(job:sentinel_requests:rate${name}, ${noTraffic})`,
    },
  ];
}

const budgetLeft = (span: Span): RecordingRule => {
  const month = span(30 * daySeconds);
  return {
    record: "job:sentinel_error_budget_left:ratio30d",
    expr: `1 - sum_over_time(job:sentinel_request_failures:rate5m[${month}]) / clamp_min(sum_over_time(job:sentinel_requests:rate5m[${month}]), ${noTraffic}) / ${errorBudget}`,
    reason:
      "From the recorded rates, weighted by traffic: a month of raw counters would be too much to read. Keep 30 days of data, or it covers less.",
  };
};

/** Without requests a quantile is NaN; `>= 0` leaves such series out. */
export const quantile = (of: number, buckets: string): string =>
  `histogram_quantile(${of}, ${buckets}) >= 0`;

function latencyRules(span: Span): readonly RecordingRule[] {
  const window = span(5 * minuteSeconds);
  const duration = `sum by (job, stream, le) (rate(sentinel_request_duration_seconds_bucket{${modelCalls}}[${window}]))`;
  const overhead = `sum by (job, stage, le) (rate(sentinel_overhead_seconds_bucket[${window}]))`;
  const firstToken = `sum by (job, provider, model, le) (rate(sentinel_time_to_first_token_seconds_bucket[${window}]))`;
  const each = (name: string, quantiles: readonly number[], buckets: string): RecordingRule[] =>
    quantiles.map((of) => ({
      record: `${name}:p${of * 100}_rate5m`,
      expr: quantile(of, buckets),
    }));
  return [
    ...each("job_stream:sentinel_request_duration_seconds", [0.5, 0.95, 0.99], duration),
    ...each("job_stage:sentinel_overhead_seconds", [0.5, 0.99], overhead),
    ...each("job_provider_model:sentinel_time_to_first_token_seconds", [0.95], firstToken),
  ];
}

/** What a provider is judged by: not what clients called off, nor what it rightly refused. */
export const providerFailed = 'outcome=~"error|timeout|credential"';
export const providerAsked = 'outcome!="canceled"';

function providerRules(span: Span): readonly RecordingRule[] {
  const window = span(5 * minuteSeconds);
  const rate = (labels: string): string =>
    `sum by (job, provider) (rate(sentinel_upstream_duration_seconds_count{${labels}}[${window}]))`;
  return [
    { record: "job_provider:sentinel_upstream_attempts:rate5m", expr: rate(providerAsked) },
    {
      record: "job_provider:sentinel_upstream_failures:ratio_rate5m",
      expr: `(${rate(providerFailed)} or job_provider:sentinel_upstream_attempts:rate5m * 0) / clamp_min(job_provider:sentinel_upstream_attempts:rate5m, ${noTraffic})`,
    },
  ];
}

function cacheAndSpend(span: Span): readonly RecordingRule[] {
  const lookups = (labels: string, window: string): string =>
    `sum by (job) (rate(sentinel_cache_lookups_total{${labels}}[${window}]))`;
  const lookedUp = 'outcome!="bypass"';
  const hits = 'outcome=~"exact|semantic"';
  const ratios = [
    ["5m", span(5 * minuteSeconds)],
    ["1h", span(hourSeconds)],
    ["1d", span(daySeconds)],
  ] as const;
  return [
    ...ratios.map(([name, window]) => ({
      record: `job:sentinel_cache_hits:ratio_rate${name}`,
      expr: `${lookups(hits, window)} / clamp_min(${lookups(lookedUp, window)}, ${noTraffic})`,
    })),
    {
      record: "job:sentinel_cache_lookups:rate1h",
      expr: lookups(lookedUp, span(hourSeconds)),
    },
    {
      record: "job_tenant:sentinel_cost_usd:increase1h",
      expr: `sum by (job, tenant) (increase(sentinel_cost_usd_total[${span(hourSeconds)}]))`,
    },
  ];
}
