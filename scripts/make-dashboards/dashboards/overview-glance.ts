import { byRequest, orZero, ratio } from "./queries.ts";
import { availabilitySteps, number, one } from "./spec.ts";
import type { PanelSpec, RowSpec } from "./spec.ts";
import { failedCalls, modelCalls } from "../rules/objective.ts";

function glance(): readonly PanelSpec[] {
  const range = "$__range";
  const labels = `${modelCalls},${byRequest}`;
  const calls = `sum(increase(sentinel_requests_total{${labels}}[${range}]))`;
  const failed = `sum${failedCalls(labels, range, "increase")}`;
  const lookups = (outcomes: string): string =>
    `sum(increase(sentinel_cache_lookups_total{outcome=~"${outcomes}"}[${range}]))`;
  return [
    number({
      title: "Availability in this time range",
      description: "Model calls not answered with 5xx. Clients that left and 4xx are no failures.",
      unit: "percentunit",
      decimals: 3,
      steps: availabilitySteps,
      queries: one(`1 - ${ratio(failed, calls)}`, "availability"),
    }),
    number({
      title: "Error budget left",
      description:
        "Of 99.9 % over 30 days (or as long as Prometheus keeps data), all tenants together. Below 0 the objective is missed: stability goes before features.",
      unit: "percentunit",
      decimals: 1,
      steps: [
        { from: null, color: "red" },
        { from: 0, color: "orange" },
        { from: 0.25, color: "green" },
      ],
      queries: one("min(job:sentinel_error_budget_left:ratio30d)", "left"),
    }),
    number({
      title: "Spend in this time range",
      description: "What providers will bill, as far as it has a price.",
      unit: "currencyUSD",
      decimals: 2,
      queries: one(
        orZero(`sum(increase(sentinel_cost_usd_total{${byRequest}}[${range}]))`),
        "spend",
      ),
    }),
    number({
      title: "Cache hit ratio in this time range",
      description:
        "Of the requests that the cache could answer. Errors of the cache count as none.",
      unit: "percentunit",
      decimals: 1,
      queries: one(ratio(lookups("exact|semantic"), lookups("exact|semantic|miss|error")), "hits"),
    }),
    number({
      title: "Degraded parts now",
      description: "Parts that requests go on without. /health says which and why.",
      unit: "none",
      steps: [
        { from: null, color: "green" },
        { from: 1, color: "orange" },
      ],
      queries: one("count(max by (part) (sentinel_degraded) > 0) or vector(0)", "parts"),
    }),
    number({
      title: "Instances up",
      description: "Those that Prometheus reads. Fewer than you started: SentinelTargetDown.",
      unit: "none",
      queries: one('sum(up{job=~".*sentinel.*"})', "up"),
    }),
  ];
}

/** The first look: is anything wrong? */
export const glanceRow: RowSpec = { title: "At a glance", panels: glance() };
