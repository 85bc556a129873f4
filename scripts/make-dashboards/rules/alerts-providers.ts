import { providerAsked } from "./recording.ts";
import type { AlertRule } from "./rule.ts";
import { minuteSeconds } from "./time-scale.ts";
import type { Span } from "./time-scale.ts";

const attemptsMin = 20;
const refusalsMax = 2;
const requestsMin = 20;
const turnedAwayMax = 0.05;

/**
 * A provider in trouble is a warning: other targets stand in for it. If they do not, the error budget pages, and where the
 * provider answers with a 4xx, which is none of that budget, `SentinelProviderTurnsAway`.
 */
export function providerAlerts(span: Span): readonly AlertRule[] {
  const attempts = (labels: string, minutes: number): string =>
    `sum by (job, provider) (increase(sentinel_upstream_duration_seconds_count{${labels}}[${span(minutes * minuteSeconds)}]))`;
  const asked = (metric: string): string =>
    `sum by (job, provider) (increase(${metric}[${span(5 * minuteSeconds)}]))`;
  const turnedAway = asked(
    'sentinel_errors_total{type=~"provider_credential|provider_rate_limited",provider!="_none"}',
  );
  // Errors are those of users, so requests are too.
  const requests = asked('sentinel_requests_total{provider!="_none",route!="internal"}');
  return [
    {
      alert: "SentinelCircuitOpen",
      valueExpr: `max by (job, target) (1 - sentinel_circuit_state{state="closed"})`,
      comparison: "> 0",
      holds: span(2 * minuteSeconds),
      severity: "warning",
      summary: "{{ $labels.target }} is not asked any more: its circuit is open",
      description:
        'It failed ten times in a row, or half of twenty times, and probes have not closed it for two minutes. First ask `sentinel doctor` or GET /admin/v1/providers for its last errors, and "Fallbacks" of the overview for who stands in.',
      reason:
        "Not closed, so that a circuit which is half open between two probes counts too. 2 minutes outlast a blip and several probes.",
    },
    {
      alert: "SentinelProviderErrors",
      valueExpr: `job_provider:sentinel_upstream_failures:ratio_rate5m * (${attempts(providerAsked, 5)} >= bool ${attemptsMin})`,
      comparison: "> 0.1",
      holds: span(5 * minuteSeconds),
      severity: "warning",
      summary: "{{ $labels.provider }} fails at more than one attempt in ten",
      description:
        '{{ $value | humanizePercentage }} of the attempts at {{ $labels.provider }} end in an error, a timeout or a refused key. First look at "Attempts by outcome" of the overview, then at the last errors in GET /admin/v1/providers.',
      reason: `Vendors fail at about 1 % on an ordinary day; at 10 % retries no longer hide it. At least ${attemptsMin} attempts in 5 minutes. 429 and what clients called off do not count.`,
    },
    {
      alert: "SentinelProviderCredentialRefused",
      valueExpr: `${attempts('outcome="credential"', 15)} or ${attempts(providerAsked, 15)} * 0`,
      comparison: `> ${refusalsMax}`,
      severity: "warning",
      summary: "{{ $labels.provider }} refuses a key of ours",
      description:
        "{{ $labels.provider }} answered 401, 402 or 403 {{ $value | humanize }} times in 15 minutes: a key was revoked, or the account has no money. First run `sentinel doctor`, which tries each key and names the one.",
      reason: `A refused key rests a minute and is tried again, so a dead one shows up about fifteen times. More than ${refusalsMax}, as a single 403 may be the request's.`,
    },
    {
      alert: "SentinelProviderTurnsAway",
      valueExpr: `(${turnedAway} / clamp_min(${requests}, 1)) * (${requests} >= bool ${requestsMin})`,
      comparison: `> ${turnedAwayMax}`,
      holds: span(5 * minuteSeconds),
      severity: "critical",
      summary: "Clients get {{ $labels.provider }}'s refusals",
      description:
        '{{ $value | humanizePercentage }} of the requests for {{ $labels.provider }} end with its 401, 402, 403 or 429: no key of ours is good, or its limit is reached, and nobody stands in. First run `sentinel doctor`, then look at "Errors by type" of the overview.',
      reason: `A 4xx is none of the error budget, although these are not the callers' fault. At least ${requestsMin} requests in 5 minutes.`,
    },
  ];
}
