import { byProvider, byRequest, byTenant, orZero, rate, ratio, window } from "./queries.ts";
import { lines, one, stacked } from "./spec.ts";
import type { PanelSpec, QuerySpec, RowSpec } from "./spec.ts";
import { errorBudget, failedCalls, modelCalls } from "../rules/objective.ts";

const volume: readonly PanelSpec[] = [
  stacked({
    title: "Requests by code",
    description:
      "5xx are failures, streams that broke after they began included; 499 are clients that left, 429 mostly their own limits. A sudden end of all traffic is a failure too, of whatever is in front.",
    unit: "reqps",
    queries: one(rate("code", "sentinel_requests_total", byRequest), "{{code}}"),
  }),
  lines({
    title: "Requests in flight",
    description:
      "Model calls being answered. A climb without more requests per second: a provider has become slow. At SENTINEL_MAX_INFLIGHT further ones get 503.",
    unit: "none",
    queries: one("sum by (stream) (sentinel_inflight_requests)", "stream: {{stream}}"),
  }),
  stacked({
    title: "Requests by route",
    description: "Which endpoints are used.",
    unit: "reqps",
    queries: one(rate("route", "sentinel_requests_total", byRequest), "{{route}}"),
  }),
  stacked({
    title: "Requests by model",
    description: "Which models are asked for. _unknown: a name that no route serves.",
    unit: "reqps",
    queries: one(rate("model", "sentinel_requests_total", byRequest), "{{model}}"),
  }),
];

const calls = `${modelCalls},${byRequest}`;

const burn = (name: string): QuerySpec => ({
  expr: `max(job:sentinel_request_failures:ratio_rate${name}) / ${errorBudget}`,
  legend: name,
});

const failures: readonly PanelSpec[] = [
  lines({
    title: "Availability",
    description: "Share of model calls not answered with 5xx. The objective is 99.9 %.",
    unit: "percentunit",
    max: 1,
    decimals: 2,
    steps: [
      { from: null, color: "red" },
      { from: 0.999, color: "green" },
    ],
    queries: one(
      `1 - ${ratio(`sum${failedCalls(calls, window)}`, `sum(rate(sentinel_requests_total{${calls}}[${window}]))`)}`,
      "availability",
    ),
  }),
  lines({
    title: "Error budget burn",
    description:
      "How many times faster than 99.9 % allows, by window. 1 uses up the month's budget in a month. Pages: above 14.4 over 1 h and 5 m, above 6 over 6 h and 30 m.",
    unit: "suffix:×",
    decimals: 1,
    steps: [
      { from: null, color: "green" },
      { from: 1, color: "yellow" },
      { from: 6, color: "orange" },
      { from: 14.4, color: "red" },
    ],
    queries: [burn("5m"), burn("30m"), burn("1h"), burn("6h"), burn("3d")],
  }),
  lines({
    title: "Errors by type",
    description:
      "Whose fault it is: caller_*, policy_* (limits, budgets), provider_*, sentinel_*. A steady caller_* is a client with a mistake.",
    unit: "reqps",
    queries: one(rate("type", "sentinel_errors_total", byProvider), "{{type}}"),
  }),
  lines({
    title: "Rejections by limit",
    description:
      "429 by the caller's own limits. Much of it for one tenant: its limits are too small, or its client does not back off.",
    unit: "reqps",
    queries: one(
      orZero(rate("tenant, limit", "sentinel_ratelimit_rejections_total", byTenant)),
      "{{tenant}} {{limit}}",
    ),
  }),
];

export const trafficRow: RowSpec = {
  title: "Traffic and availability",
  panels: [...volume, ...failures],
};
