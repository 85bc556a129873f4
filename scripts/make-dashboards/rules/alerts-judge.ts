import type { AlertRule } from "./rule.ts";
import { hourSeconds, minuteSeconds } from "./time-scale.ts";
import type { Span } from "./time-scale.ts";

/** What a cap stopped, or somebody did not want, is no failure of the judge. */
export const judgeFailed = 'reason!~"daily_cap|cancelled|policy_off"';

const failedShareMax = 0.2;
const judgedMin = 10;
const staleSeconds = 15 * minuteSeconds;
const kappaLossMin = 0.1;
const cappedMin = 10;

/** Nobody waits for a score, so none of these wakes anybody. */
export const judgeAlerts = (span: Span): readonly AlertRule[] => [
  judgeFailing(span),
  judgeStale(),
  judgeDrift(span),
  judgeCapReached(span),
  jobsDead(),
];

function judgeFailing(span: Span): AlertRule {
  const hour = span(hourSeconds);
  const of = (metric: string): string => `sum by (job, evaluator) (increase(${metric}[${hour}]))`;
  const failures = of(`sentinel_judge_failures_total{${judgeFailed}}`);
  const scores = of("sentinel_judge_score_count");
  // An evaluator that never failed has no series of failures, and one that always did none of scores.
  const failed = `(${failures} or ${scores} * 0)`;
  const judged = `(${failed} + (${scores} or ${failures} * 0))`;
  return {
    alert: "SentinelJudgeFailing",
    valueExpr: `${failed} / clamp_min(${judged}, 1) * (${judged} >= bool ${judgedMin})`,
    comparison: `> ${failedShareMax}`,
    holds: span(15 * minuteSeconds),
    severity: "warning",
    summary: "{{ $labels.evaluator }} fails for more than one answer in five",
    description:
      '{{ $value | humanizePercentage }} of what {{ $labels.evaluator }} was to judge in the last hour has no score. First look at "Judge failures by reason" of the overview: it says whether it is the judge\'s provider, what the judge says, or a setting.',
    reason: `Each is counted after all attempts and a repair, so 1 or 2 % are ordinary; above ${failedShareMax * 100} % the mean of those that are left may not be that of all. At least ${judgedMin} in the hour. What a cap stopped is not among them.`,
  };
}

const judgeStale = (): AlertRule => ({
  alert: "SentinelJudgeStale",
  valueExpr: "max by (job) (sentinel_judge_oldest_job_seconds)",
  comparison: `> ${staleSeconds}`,
  severity: "warning",
  summary: "Answers wait for more than a quarter of an hour to be judged",
  description:
    "The oldest answer that is to be judged has been due for {{ $value | humanizeDuration }}. Nothing is lost and no request waits. First run `sentinel jobs`: nothing running means that no worker is there.",
  reason:
    "It takes seconds, and one attempt ten minutes at the very most; what waits to be tried again is not due. The age is the waiting time: no further one is needed.",
});

function judgeDrift(span: Span): AlertRule {
  const kappa = (run: string): string =>
    `max by (job, evaluator) (sentinel_judge_anchor_kappa{run="${run}"})`;
  // On the day of the calibration nobody has looked again, and nothing is lost.
  const latest = `(${kappa("latest")} or ${kappa("baseline")})`;
  return {
    alert: "SentinelJudgeDrift",
    // Without rounding 0.7 - 0.6 is a little less than 0.1.
    valueExpr: `round(${kappa("baseline")} - ${latest}, 1e-6)`,
    comparison: `>= ${kappaLossMin}`,
    holds: span(10 * minuteSeconds),
    severity: "warning",
    summary: "{{ $labels.evaluator }} agrees less with people than when it was calibrated",
    description:
      '{{ $labels.evaluator }} has lost {{ $value | humanize }} of its κ on the anchors: its model has changed behind its name, or its provider has. Scores of before and after cannot be compared. First run `sentinel judge calibrate` with the same pairs, and see "Judge\'s agreement with people" of the overview for when it began.',
    reason: `By chance κ of a hundred answers is up to 0.15 off, but these are the same answers each day: what changes is the judge. Below ${kappaLossMin} it is how a judge wavers. Ten minutes let all replicas hear of a new calibration.`,
  };
}

function judgeCapReached(span: Span): AlertRule {
  const hour = span(hourSeconds);
  const capped = `sum by (job) (increase(sentinel_judge_failures_total{reason="daily_cap"}[${hour}]))`;
  const scored = `sum by (job) (increase(sentinel_judge_score_count[${hour}]))`;
  return {
    alert: "SentinelJudgeCapReached",
    valueExpr: `${capped} or ${scored} * 0`,
    comparison: `>= ${cappedMin}`,
    severity: "warning",
    summary: "A day's cap on judging is used up",
    description:
      "{{ $value | humanize }} answers of the last hour were not judged because a cap has no room for the rest of the UTC day. First see `sentinel usage --metrics judge --group-by day` of the tenants that have answers judged (`capped`), and `sentinel jobs` for the platform's own cap.",
    reason: `The cap does what it is for, but what is left is a sample of the day's first hours. ${cappedMin} in an hour, as near its end a cap refuses a call that might just have had room. Silence it where a tenant wants it so.`,
  };
}

const jobsDead = (): AlertRule => ({
  alert: "SentinelJobsDead",
  // Where there is no job of such a kind, 0 is the answer.
  valueExpr: `max by (job, kind) (sentinel_jobs{state="dead",kind!="judge"}) or max by (job) (sentinel_judge_oldest_job_seconds) * 0`,
  comparison: "> 0",
  severity: "warning",
  summary: "Jobs of the kind {{ $labels.kind }} were given up",
  description:
    "{{ $value | humanize }} jobs of the kind {{ $labels.kind }} have failed at every attempt. judge-anchors: nobody sees any more whether the judge drifts. First run `sentinel jobs --dead`, which says why, then `sentinel jobs retry ID` or `sentinel jobs cancel ID`: either ends this alert.",
  reason:
    "They are few, and each is there because somebody wants it done. Single answers (kind judge) are many, and counted as failures of their evaluator.",
});
