import { scaledSeconds } from "./alerts-service.ts";
import type { AlertRule } from "./rule.ts";
import { daySeconds, hourSeconds, minuteSeconds } from "./time-scale.ts";
import type { Span } from "./time-scale.ts";

/** An average hour counts as at least this: 5 times of it is what a spike must come to. */
const hourUsdFloor = 2;
const spikeTimes = 5;
const hitRatioMin = 0.05;
const lookupsMin = 100;

export const moneyAlerts = (span: Span): readonly AlertRule[] => [
  budgetLow(span),
  costSpike(span),
  cacheHitDrop(span),
  semanticError(span),
];

const budgetLow = (span: Span): AlertRule => ({
  alert: "SentinelBudgetLow",
  valueExpr:
    "min by (job, tenant, period) (sentinel_budget_remaining_usd / (sentinel_budget_limit_usd > 0))",
  comparison: "< 0.1",
  holds: span(minuteSeconds),
  severity: "warning",
  summary: "Tenant {{ $labels.tenant }} has little left of its budget for the {{ $labels.period }}",
  description:
    "{{ $value | humanizePercentage }} is left of tenant {{ $labels.tenant }}'s budget ({{ $labels.period }}). If it is a hard one, its requests get 429 when it is used up. First run `sentinel usage --tenant {{ $labels.tenant }} --group-by model`, then raise it or tell the tenant.",
  reason:
    "A tenth left of a month is three ordinary days. A limit of 0 is a wish and left out. With several replicas the one that knows of the least left counts.",
});

function costSpike(span: Span): AlertRule {
  const hour = span(hourSeconds);
  const lastHour = "job_tenant:sentinel_cost_usd:increase1h";
  const hoursBefore = scaledSeconds(span, daySeconds) / scaledSeconds(span, hourSeconds);
  const before = `sum by (job, tenant) (increase(sentinel_cost_usd_total[${span(daySeconds)}] offset ${hour})) / ${hoursBefore}`;
  return {
    alert: "SentinelCostSpike",
    valueExpr: `${lastHour} / clamp_min(${before} or ${lastHour} * 0, ${hourUsdFloor})`,
    comparison: `> ${spikeTimes}`,
    holds: span(5 * minuteSeconds),
    severity: "warning",
    summary: "Tenant {{ $labels.tenant }} spends far more than on the day before",
    description:
      "Tenant {{ $labels.tenant }} spent {{ $value | humanize }} times as much in the last hour as in an average hour of the day before. First run `sentinel usage --tenant {{ $labels.tenant }} --group-by key,model` for the key and model behind it; a key that leaked is revoked with `sentinel keys revoke`.",
    reason: `${spikeTimes} times is more than a working day's peak. An average hour counts as at least ${hourUsdFloor} US$, so a spike is at least ${spikeTimes * hourUsdFloor} US$ in an hour, also of a tenant that is new.`,
  };
}

function cacheHitDrop(span: Span): AlertRule {
  const lastHour = "job:sentinel_cache_hits:ratio_rate1h";
  // Without a day before there is nothing to compare with, and no drop.
  const before = `(job:sentinel_cache_hits:ratio_rate1d offset ${span(hourSeconds)} or ${lastHour})`;
  return {
    alert: "SentinelCacheHitRatioDrop",
    valueExpr: `(1 - ${lastHour} / clamp_min(${before}, 0.01)) * (${before} >= bool ${hitRatioMin}) * (job:sentinel_cache_lookups:rate1h * ${scaledSeconds(span, hourSeconds)} >= bool ${lookupsMin})`,
    comparison: "> 0.5",
    holds: span(30 * minuteSeconds),
    severity: "warning",
    summary: "The cache hits less than half as often as on the day before",
    description:
      'The hit ratio has lost {{ $value | humanizePercentage }} of what it was. First look at "Cache look-ups" of the overview: errors are the store, more bypasses or misses are the traffic. `sentinel cache status` says what a tenant\'s policy allows.',
    reason: `Half of it is more than traffic changes within a day. Only where the day before hit at ${hitRatioMin * 100} % or more, and with at least ${lookupsMin} look-ups in the hour.`,
  };
}

const semanticError = (span: Span): AlertRule => ({
  alert: "SentinelSemanticErrorAboveBound",
  valueExpr: `max by (job, tenant, channel) (sentinel_cache_semantic_error_ratio{bound="lower"}) - on (job, tenant) group_left () max by (job, tenant) (sentinel_cache_semantic_max_error_ratio)`,
  comparison: "> 0",
  holds: span(10 * minuteSeconds),
  severity: "warning",
  summary: "Semantic hits of tenant {{ $labels.tenant }} are wrong more often than it accepts",
  description:
    "Even the lower bound of the error that was audited on channel {{ $labels.channel }} is {{ $value | humanizePercentage }} above the tenant's max_error. The tier stops serving by itself; first see with `sentinel cache status --tenant {{ $labels.tenant }}` that it did.",
  reason:
    "The lower bound: then it is not a matter of few checks. The upper one is above what is accepted whenever a channel still learns.",
});
