import { orZero, rate, ratio, window } from "./queries.ts";
import { availabilitySteps, lines, number, one, stacked } from "./spec.ts";
import type { DashboardSpec, PanelSpec, RowSpec } from "./spec.ts";
import { deploys, models, oneTenant } from "./variables.ts";
import { failedCalls, modelCalls } from "../rules/objective.ts";

const own = 'tenant="$tenant"';
const ownModels = `${own},model=~"$model"`;
const calls = `${modelCalls},${ownModels}`;
const range = "$__range";

/** One tenant: what it asked for, got, paid and saved. For the talk with whoever pays the bill. */
export const tenantDashboard: DashboardSpec = {
  uid: "sentinel-tenant",
  title: "Sentinel: one tenant",
  description:
    "What a tenant asked for, got, paid and saved. Latency is not counted by tenant: see its audit records.",
  variables: [oneTenant, models],
  annotations: [deploys],
  rows: [{ title: "At a glance", panels: glance() }, requests(), money(), cache()],
};

function increase(metric: string, labels: string): string {
  return `sum(increase(${metric}{${labels}}[${range}]))`;
}

function glance(): readonly PanelSpec[] {
  return [
    number({
      title: "Requests in this time range",
      description: "Model calls, whatever became of them.",
      unit: "short",
      decimals: 0,
      queries: one(`${increase("sentinel_requests_total", calls)} or vector(0)`, "requests"),
    }),
    number({
      title: "Availability in this time range",
      description: "Share of its model calls that were not answered with 5xx.",
      unit: "percentunit",
      decimals: 3,
      steps: availabilitySteps,
      queries: one(
        `1 - ${ratio(`sum${failedCalls(calls, range, "increase")}`, increase("sentinel_requests_total", calls))}`,
        "availability",
      ),
    }),
    number({
      title: "Spend in this time range",
      description: "As far as it has a price; `sentinel usage --tenant` has it to the nano-dollar.",
      unit: "currencyUSD",
      decimals: 2,
      queries: one(`${increase("sentinel_cost_usd_total", ownModels)} or vector(0)`, "spend"),
    }),
    number({
      title: "Saved in this time range",
      description: "What the answers from the cache would have cost at the provider.",
      unit: "currencyUSD",
      decimals: 2,
      queries: one(
        `${increase("sentinel_cache_saved_usd_total", ownModels)} or vector(0)`,
        "saved",
      ),
    }),
    number({
      title: "Tokens in this time range",
      description: "Input and output.",
      unit: "short",
      queries: one(
        `${increase("sentinel_tokens_total", `${ownModels},type=~"input|output"`)} or vector(0)`,
        "tokens",
      ),
    }),
    number({
      title: "Rejections in this time range",
      description: "429 by its own limits and budgets.",
      unit: "short",
      decimals: 0,
      steps: [
        { from: null, color: "green" },
        { from: 1, color: "orange" },
      ],
      queries: one(
        `${increase("sentinel_ratelimit_rejections_total", own)} or vector(0)`,
        "rejections",
      ),
    }),
  ];
}

function requests(): RowSpec {
  return {
    title: "Requests",
    panels: [
      stacked({
        title: "Requests by code",
        description: "429 are its own limits, 499 its clients that left, 5xx failures.",
        unit: "reqps",
        queries: one(rate("code", "sentinel_requests_total", ownModels), "{{code}}"),
      }),
      stacked({
        title: "Requests by model",
        description: "As they were asked for. _unknown: a name that no route serves.",
        unit: "reqps",
        queries: one(rate("model", "sentinel_requests_total", ownModels), "{{model}}"),
      }),
      stacked({
        title: "Requests by provider",
        description:
          "Who answered. _none: nobody was asked, as for refusals and hits of the cache.",
        unit: "reqps",
        queries: one(rate("provider", "sentinel_requests_total", ownModels), "{{provider}}"),
      }),
      lines({
        title: "Failures and refusals",
        description:
          "Shares of its requests: 5xx is ours and the providers', 4xx its own. 499 is neither.",
        unit: "percentunit",
        queries: [
          {
            expr: ratio(
              `sum${failedCalls(calls, window)}`,
              `sum(rate(sentinel_requests_total{${calls}}[${window}]))`,
            ),
            legend: "failed (5xx)",
          },
          {
            expr: ratio(
              `sum(rate(sentinel_requests_total{${calls},code=~"4..",code!="499"}[${window}]))`,
              `sum(rate(sentinel_requests_total{${calls}}[${window}]))`,
            ),
            legend: "refused (4xx)",
          },
        ],
      }),
      lines({
        title: "Rejections by limit",
        description: "Which limit: requests, tokens, concurrency or a budget.",
        unit: "reqps",
        queries: one(
          orZero(rate("limit", "sentinel_ratelimit_rejections_total", own)),
          "{{limit}}",
        ),
      }),
      stacked({
        title: "Requests by route",
        description: "Which endpoints it uses.",
        unit: "reqps",
        queries: one(rate("route", "sentinel_requests_total", ownModels), "{{route}}"),
      }),
    ],
  };
}

function money(): RowSpec {
  const perHour = (by: string): string =>
    `${rate(by, "sentinel_cost_usd_total", ownModels)} * 3600`;
  return {
    title: "Tokens, money and budgets",
    panels: [
      stacked({
        title: "Spend per hour by model",
        description: "At the pace of this moment.",
        unit: "currencyUSD",
        queries: one(perHour("model"), "{{model}}"),
      }),
      stacked({
        title: "Spend per hour by certainty",
        description: "exact, estimated, or unpriced, which adds nothing here.",
        unit: "currencyUSD",
        queries: one(perHour("status"), "{{status}}"),
      }),
      lines({
        title: "Judging per hour",
        description:
          "What having its answers judged costs. It is part of what the tenant sentinel-judge spends, and comes on top of its own spend.",
        unit: "currencyUSD",
        queries: one(
          orZero(`sum(rate(sentinel_judge_cost_usd_total{${own}}[${window}])) * 3600`),
          "judging",
        ),
      }),
      lines({
        title: "Tokens by type",
        description: "cached_input is part of input, reasoning part of output.",
        unit: "suffix: tok/s",
        queries: one(rate("type", "sentinel_tokens_total", ownModels), "{{type}}"),
      }),
      lines({
        title: "Budget remaining",
        description: "By period, beside its limit. At 0 a hard budget refuses.",
        unit: "currencyUSD",
        queries: [
          {
            expr: `min by (period) (sentinel_budget_remaining_usd{${own}})`,
            legend: "{{period}} left",
          },
          {
            expr: `max by (period) (sentinel_budget_limit_usd{${own}})`,
            legend: "{{period}} limit",
          },
        ],
      }),
    ],
  };
}

function cache(): RowSpec {
  return {
    title: "Cache",
    panels: [
      stacked({
        title: "Requests by cache",
        description:
          "exact and semantic are hits. bypass: must not be cached, and its audit record says why.",
        unit: "reqps",
        queries: one(rate("cache", "sentinel_requests_total", ownModels), "{{cache}}"),
      }),
      lines({
        title: "Cache hit ratio",
        description: "Of the requests that the cache could answer.",
        unit: "percentunit",
        max: 1,
        queries: one(
          ratio(
            `sum(rate(sentinel_requests_total{${ownModels},cache=~"exact|semantic"}[${window}]))`,
            `sum(rate(sentinel_requests_total{${ownModels},cache=~"exact|semantic|miss"}[${window}]))`,
          ),
          "hits",
        ),
      }),
      stacked({
        title: "Saved per hour by model",
        description: "What the answers from the cache would have cost at the provider.",
        unit: "currencyUSD",
        queries: one(
          `${rate("model", "sentinel_cache_saved_usd_total", ownModels)} * 3600`,
          "{{model}}",
        ),
      }),
      lines({
        title: "Semantic error against what is accepted",
        description:
          "Share of audited would-be hits that were wrong, with its bounds, and the tenant's max_error. Empty until the semantic tier learns.",
        unit: "percentunit",
        queries: [
          {
            expr: `max by (channel, bound) (sentinel_cache_semantic_error_ratio{${own}})`,
            legend: "{{channel}} {{bound}}",
          },
          {
            expr: `max(sentinel_cache_semantic_max_error_ratio{${own}})`,
            legend: "accepted",
          },
        ],
      }),
    ],
  };
}
