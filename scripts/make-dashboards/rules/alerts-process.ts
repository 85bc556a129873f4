import type { AlertRule } from "./rule.ts";
import { hourSeconds, minuteSeconds } from "./time-scale.ts";
import type { Span } from "./time-scale.ts";

const mebibyte = 1_048_576;
const journalBehindBytes = 16 * mebibyte;
const journalFullBytes = 2_048 * mebibyte;
const storeErrorsMax = 5;
const restartsMax = 3;
const loopLagMaxSeconds = 0.1;

/** What is written down, and whether the stores have it. */
export function recordAlerts(span: Span): readonly AlertRule[] {
  const fiveMinutes = span(5 * minuteSeconds);
  const dropped = (reasons: string): string =>
    `sum by (job, reason) (increase(sentinel_audit_dropped_total{reason=~"${reasons}"}[${span(15 * minuteSeconds)}]))`;
  const behind = "max by (job, instance, sink) (sentinel_journal_bytes)";
  return [
    {
      alert: "SentinelAuditRecordsDropped",
      valueExpr: dropped("start|record"),
      comparison: "> 0",
      severity: "critical",
      summary: "Requests are answered that are not in the books",
      description:
        "{{ $value | humanize }} records ({{ $labels.reason }}) were lost in 15 minutes: neither disk nor memory took them. First make room on the disk of SENTINEL_DATA_DIR (`df`, `sentinel doctor`).",
      reason:
        "None may be lost, so one is enough. It never happens but with a disk that is full or broken.",
    },
    {
      alert: "SentinelAuditPayloadsDropped",
      valueExpr: dropped("payload|job"),
      comparison: "> 0",
      severity: "warning",
      summary: "Answers that a tenant wants kept or judged are not ({{ $labels.reason }})",
      description:
        "{{ $value | humanize }} were dropped in 15 minutes (payload: to be kept; job: to be judged); the records themselves are kept. First look at the disk of SENTINEL_DATA_DIR: these go first when it is full or slow.",
      reason: "The first sign of a full disk, before records are lost.",
    },
    {
      alert: "SentinelJournalLag",
      valueExpr: behind,
      comparison: `> ${journalBehindBytes}`,
      holds: span(5 * minuteSeconds),
      severity: "warning",
      summary: "The store {{ $labels.sink }} does not keep up with the journal",
      description:
        "{{ $value | humanize1024 }}B of {{ $labels.instance }}'s journal are not in {{ $labels.sink }}: reports and budgets lag behind, nothing is lost. First look at /health, parts `audit` and `journal`, which say why.",
      reason:
        "16 MiB are about ten thousand requests. On an ordinary day it is a few kilobytes, taken within 50 ms.",
    },
    {
      alert: "SentinelJournalFilling",
      valueExpr: behind,
      comparison: `> ${journalFullBytes}`,
      severity: "critical",
      summary: "The journal is half full because {{ $labels.sink }} does not take it",
      description:
        "{{ $value | humanize1024 }}B wait for {{ $labels.sink }} on {{ $labels.instance }}. At SENTINEL_JOURNAL_MAX_BYTES records are lost or requests refused. First bring the store back (/health, part `audit`), or raise the maximum where the disk has room.",
      reason: "Half of the default of SENTINEL_JOURNAL_MAX_BYTES, 4 GiB: change both together.",
    },
    {
      alert: "SentinelStoreErrors",
      // A store that never failed has no series of errors, and 0 is the answer.
      valueExpr: `sum by (job, store) (increase(sentinel_store_errors_total[${fiveMinutes}])) or sum by (job, store) (increase(sentinel_store_duration_seconds_count[${fiveMinutes}])) * 0`,
      comparison: `> ${storeErrorsMax}`,
      holds: span(5 * minuteSeconds),
      severity: "warning",
      summary: "The store {{ $labels.store }} fails",
      description:
        '{{ $value | humanize }} operations of {{ $labels.store }} failed in 5 minutes. First see in "Store errors" of the overview which operation, and in /health which part is degraded and why.',
      reason: `A failover of Redis costs a few errors and is over in 5 minutes: more than ${storeErrorsMax}, and for as long again.`,
    },
  ];
}

/** The process and its machine. */
export function processAlerts(span: Span): readonly AlertRule[] {
  return [
    {
      alert: "SentinelTargetDown",
      valueExpr: 'min by (job, instance) (up{job=~".*sentinel.*"})',
      comparison: "< 1",
      holds: span(2 * minuteSeconds),
      severity: "critical",
      summary: "Prometheus cannot read {{ $labels.instance }}",
      description:
        "{{ $labels.instance }} has not answered a scrape for two minutes: it is down, or refuses the token. First ask /health/live of it. If that answers, compare SENTINEL_METRICS_TOKEN with Prometheus's credentials_file.",
      reason: "8 scrapes of 15 s: a restart takes seconds, and drains for 30 s at most.",
    },
    restarts(span),
    {
      alert: "SentinelDegraded",
      valueExpr: "max by (job, instance, part) (sentinel_degraded)",
      comparison: "> 0",
      holds: span(5 * minuteSeconds),
      severity: "warning",
      summary: "{{ $labels.part }} of {{ $labels.instance }} is degraded",
      description:
        "Requests go on without {{ $labels.part }}, or with what was known of it last. First read /health, which says since when and why.",
      reason:
        'Every part has its own way to go on (README, "When something is down"). 5 minutes outlast a failover.',
    },
    {
      alert: "SentinelEventLoopLag",
      valueExpr:
        "max by (job, instance) (nodejs_eventloop_lag_p99_seconds * on (job, instance) group_left () (sentinel_build_info))",
      comparison: `> ${loopLagMaxSeconds}`,
      holds: span(5 * minuteSeconds),
      severity: "warning",
      summary: "The event loop of {{ $labels.instance }} is late",
      description:
        'One turn in a hundred comes {{ $value | humanizeDuration }} late, and every stream waits for it. First look at "CPU" and "Requests in flight" of the overview: at a whole core, add a replica.',
      reason:
        "100 ms are seen as a stutter in a stream. An idle loop shows about 11 ms, which is how it is measured.",
    },
    {
      alert: "SentinelLabelOverflow",
      valueExpr: `sum by (job, label) (increase(sentinel_label_overflow_total[${span(hourSeconds)}]))`,
      comparison: "> 0",
      severity: "warning",
      summary: "More values of the label {{ $labels.label }} than are counted apart",
      description:
        "{{ $value | humanize }} times in an hour a new {{ $labels.label }} was counted as `_other`. Dashboards and alerts by {{ $labels.label }} do not show it apart. First see whether that many are meant: `sentinel tenants list`, or the models of sentinel.yaml.",
      reason: "Bounds keep Prometheus alive; reaching one is never meant.",
    },
    {
      alert: "SentinelConfigReloadFailed",
      valueExpr: `sum by (job, instance) (increase(sentinel_config_reloads_total{result="failure"}[${span(30 * minuteSeconds)}]))`,
      comparison: "> 0",
      severity: "warning",
      summary: "{{ $labels.instance }} did not take its new configuration",
      description:
        "The configuration of before still holds. First read the log line at level error of that moment, which lists every problem, then correct the file and reload (`kill -HUP`).",
      reason:
        "Somebody changed something and may believe that it holds. It is over 30 minutes after the last failure.",
    },
  ];
}

const restarts = (span: Span): AlertRule => ({
  alert: "SentinelRestarts",
  valueExpr: `changes(process_start_time_seconds[${span(15 * minuteSeconds)}]) * on (job, instance) group_left () (sentinel_build_info)`,
  comparison: `> ${restartsMax}`,
  severity: "critical",
  summary: "{{ $labels.instance }} starts again and again",
  description:
    "{{ $labels.instance }} was started {{ $value | humanize }} times in 15 minutes: it crashes, or is killed. First read the end of its log before each start, and whether the machine or the container had no memory left.",
  reason: `A process that comes back within seconds is never down for two minutes. A deploy restarts it once or twice; more than ${restartsMax} is no deploy.`,
});
