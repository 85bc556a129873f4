import { byRequest, byTenant, byTenantAndModel, rate, ratio, window } from "./queries.ts";
import { lines, one, stacked } from "./spec.ts";
import type { RowSpec } from "./spec.ts";

const anHour = "* 3600";

export const moneyRow: RowSpec = {
  title: "Tokens and money",
  panels: [
    lines({
      title: "Tokens by type",
      description:
        "cached_input is part of input, reasoning part of output. A falling share of cached_input makes the same traffic dearer.",
      unit: "suffix: tok/s",
      queries: one(rate("type", "sentinel_tokens_total", byRequest), "{{type}}"),
    }),
    stacked({
      title: "Spend per hour by tenant",
      description: "At the pace of this moment. A tenant that suddenly leads: SentinelCostSpike.",
      unit: "currencyUSD",
      queries: one(
        `${rate("tenant", "sentinel_cost_usd_total", byRequest)} ${anHour}`,
        "{{tenant}}",
      ),
    }),
    stacked({
      title: "Spend per hour by model",
      description: "Which models the money goes to.",
      unit: "currencyUSD",
      queries: one(`${rate("model", "sentinel_cost_usd_total", byRequest)} ${anHour}`, "{{model}}"),
    }),
    stacked({
      title: "Spend per hour by certainty",
      description:
        "exact: the provider counted. estimated: we did, as where a client left. unpriced adds nothing here: see `sentinel prices`.",
      unit: "currencyUSD",
      queries: one(
        `${rate("status", "sentinel_cost_usd_total", byRequest)} ${anHour}`,
        "{{status}}",
      ),
    }),
    lines({
      title: "Budget left",
      description:
        "Share of each budget, by tenant and period. At 10 % it alerts; at 0 a hard budget refuses.",
      unit: "percentunit",
      max: 1,
      steps: [
        { from: null, color: "red" },
        { from: 0.1, color: "green" },
      ],
      queries: one(
        `min by (tenant, period) (sentinel_budget_remaining_usd{${byTenant}} / (sentinel_budget_limit_usd{${byTenant}} > 0))`,
        "{{tenant}} {{period}}",
      ),
    }),
    lines({
      title: "Budget remaining",
      description: "In dollars. Below 0: overspent, by requests that ran when it was reached.",
      unit: "currencyUSD",
      queries: one(
        `min by (tenant, period) (sentinel_budget_remaining_usd{${byTenant}})`,
        "{{tenant}} {{period}}",
      ),
    }),
  ],
};

const lookups = (outcomes: string): string =>
  `sum(rate(sentinel_cache_lookups_total{outcome=~"${outcomes}"}[${window}]))`;

export const cacheRow: RowSpec = {
  title: "Cache",
  panels: [
    lines({
      title: "Cache hit ratio",
      description:
        "Of the requests that the cache could answer, by tier. A fall without a deploy: another kind of traffic, or the store (see Cache look-ups).",
      unit: "percentunit",
      max: 1,
      queries: ["exact", "semantic"].map((tier) => ({
        expr: ratio(lookups(tier), lookups("exact|semantic|miss|error")),
        legend: tier,
      })),
    }),
    stacked({
      title: "Cache look-ups",
      description:
        "bypass: must not be cached (the audit record says why). error: the store failed, and the request went on.",
      unit: "reqps",
      queries: one(rate("outcome", "sentinel_cache_lookups_total"), "{{outcome}}"),
    }),
    stacked({
      title: "Saved per hour by tenant",
      description: "What the answers from the cache would have cost at the provider.",
      unit: "currencyUSD",
      queries: one(
        `${rate("tenant", "sentinel_cache_saved_usd_total", byTenantAndModel)} ${anHour}`,
        "{{tenant}}",
      ),
    }),
    stacked({
      title: "Saved tokens by tenant",
      description: "Tokens that no provider had to read or write.",
      unit: "suffix: tok/s",
      queries: one(
        rate("tenant", "sentinel_cache_saved_tokens_total", byTenantAndModel),
        "{{tenant}}",
      ),
    }),
    {
      kind: "heatmap",
      title: "Similarity of the nearest question",
      description:
        "How near the nearest stored question is (1: the same). A band just below where hits begin is what a bolder max_error could serve.",
      unit: "none",
      queries: one(`sum by (le) (increase(sentinel_cache_similarity_bucket[${window}]))`, "{{le}}"),
    },
    lines({
      title: "Semantic error against what is accepted",
      description:
        "Share of audited would-be hits that were wrong, by channel, with its bounds, and the tenant's max_error. Served is only where the upper bound is below it; a lower bound above it alerts.",
      unit: "percentunit",
      queries: [
        {
          expr: `max by (tenant, channel, bound) (sentinel_cache_semantic_error_ratio{${byTenant}})`,
          legend: "{{tenant}} {{channel}} {{bound}}",
        },
        {
          expr: `max by (tenant) (sentinel_cache_semantic_max_error_ratio{${byTenant}})`,
          legend: "{{tenant}} accepts",
        },
      ],
    }),
  ],
};
