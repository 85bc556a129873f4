import { errorBudget, smaller } from "./objective.ts";
import type { AlertRule } from "./rule.ts";
import { daySeconds, hourSeconds, minuteSeconds } from "./time-scale.ts";
import type { Span } from "./time-scale.ts";

interface Burn {
  readonly name: string;
  readonly timesBudget: number;
  readonly long: { readonly name: string; readonly seconds: number };
  readonly short: string;
  readonly failuresMin: number;
  readonly holdsSeconds: number;
  readonly severity: AlertRule["severity"];
  readonly spent: string;
}

/** The three of Google's SRE workbook, chapter 5 ("multiwindow, multi-burn-rate"). */
const burns: readonly Burn[] = [
  {
    name: "SentinelErrorBudgetBurnFast",
    timesBudget: 14.4,
    long: { name: "1h", seconds: hourSeconds },
    short: "5m",
    failuresMin: 10,
    holdsSeconds: 2 * minuteSeconds,
    severity: "critical",
    spent: "2 % of the month's error budget in an hour",
  },
  {
    name: "SentinelErrorBudgetBurnMedium",
    timesBudget: 6,
    long: { name: "6h", seconds: 6 * hourSeconds },
    short: "30m",
    failuresMin: 10,
    holdsSeconds: 5 * minuteSeconds,
    severity: "critical",
    spent: "5 % of the month's error budget in six hours",
  },
  {
    name: "SentinelErrorBudgetBurnSlow",
    timesBudget: 1,
    long: { name: "3d", seconds: 3 * daySeconds },
    short: "6h",
    failuresMin: 30,
    holdsSeconds: hourSeconds,
    severity: "warning",
    spent: "10 % of the month's error budget in three days",
  },
];

/**
 * The value is how many times too fast the budget is spent, over the window that looks better of the two: the long one says that
 * it matters, the short one that it goes on. It is 0 below a number of failures, so that one error at night pages nobody.
 */
export function budgetAlerts(span: Span): readonly AlertRule[] {
  return burns.map((burn) => {
    const { long, short, failuresMin, timesBudget } = burn;
    const ratio = (window: string): string => `job:sentinel_request_failures:ratio_rate${window}`;
    // Rates are per second of the clock, which no scale changes; only windows are.
    const failures = `job:sentinel_request_failures:rate${long.name} * ${scaledSeconds(span, long.seconds)}`;
    return {
      alert: burn.name,
      valueExpr: `${smaller(ratio(long.name), ratio(short))} / ${errorBudget} * (${failures} >= bool ${failuresMin})`,
      comparison: `> ${timesBudget}`,
      holds: span(burn.holdsSeconds),
      severity: burn.severity,
      summary: `Model calls fail too often: ${burn.spent}`,
      description: `{{ $value | humanize }} times the error budget of 99.9 %, over ${long.name} and over ${short}. First look at "Requests by code" and "Errors by type" of the overview: provider_* is a provider, sentinel_* is Sentinel itself.`,
      reason: `${timesBudget} times too fast spends ${burn.spent}. At least ${failuresMin} calls must have failed in ${long.name}; clients that leave and 4xx do not count.`,
    };
  });
}

/** Of a duration that `span` wrote, so that a number of requests in a window stays the same number. */
export function scaledSeconds(span: Span, seconds: number): number {
  const unitSeconds = { d: daySeconds, h: hourSeconds, m: minuteSeconds, s: 1, ms: 0.001 };
  const [, amount = "", unit = "s"] = /^(\d+)(d|h|ms|m|s)$/.exec(span(seconds)) ?? [];
  return Number(amount) * (unitSeconds[unit as keyof typeof unitSeconds] satisfies number);
}

const overheadMaxSeconds = 0.01;
const overheadRequestsMin = 100;
const firstTokenMaxSeconds = 10;
const firstTokenStreamsMin = 20;

export function latencyAlerts(span: Span): readonly AlertRule[] {
  const window = span(5 * minuteSeconds);
  return [
    {
      alert: "SentinelOverheadHigh",
      valueExpr: `max by (job) (job_stage:sentinel_overhead_seconds:p99_rate5m{stage="total"}) * (sum by (job) (increase(sentinel_overhead_seconds_count{stage="total"}[${window}])) >= bool ${overheadRequestsMin})`,
      comparison: `> ${overheadMaxSeconds}`,
      holds: span(10 * minuteSeconds),
      severity: "warning",
      summary: "Sentinel itself adds more than 10 ms to one request in a hundred",
      description:
        'The p99 of what Sentinel adds is {{ $value | humanizeDuration }}. First look at "Overhead by stage" of the overview for the stage that grew. If all did, look at "CPU" and "Event loop lag".',
      reason: `The goal is 2 ms at p99, and 10 ms is what a client may notice. At least ${overheadRequestsMin} requests in 5 minutes, as below that the p99 is the slowest one of them.`,
    },
    {
      alert: "SentinelTimeToFirstTokenHigh",
      valueExpr: `job_provider_model:sentinel_time_to_first_token_seconds:p95_rate5m * (sum by (job, provider, model) (increase(sentinel_time_to_first_token_seconds_count[${window}])) >= bool ${firstTokenStreamsMin})`,
      comparison: `> ${firstTokenMaxSeconds}`,
      holds: span(10 * minuteSeconds),
      severity: "warning",
      summary: "{{ $labels.model }} of {{ $labels.provider }} is slow to begin",
      description:
        'One stream in twenty waits {{ $value | humanizeDuration }} or more for its first token. First see in "Time to first token" of the overview whether it is one model or all of the provider, and the vendor\'s status page.',
      reason: `People give up at about 10 s. Models that think before they speak may be slower by nature: raise it for them. At least ${firstTokenStreamsMin} streams in 5 minutes.`,
    },
  ];
}
