import { closedLabel, openLabel } from "./label.ts";
import {
  budgetPeriods,
  cacheLookupOutcomes,
  ratioBounds,
  rejectedLimits,
  semanticErrorChannels,
  similarityResults,
} from "./label-values.ts";
import type { Registry } from "./registry.ts";

/** Cosine similarities: semantic hits lie above .8, and the last hundredths tell them apart. */
const similarityBounds = [
  0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 0.99, 1,
] as const;

/** What there is to say of the cache and of limits. */
export function policyFamilies(registry: Registry) {
  const tenant = openLabel("tenant");
  const model = openLabel("model");
  const period = closedLabel("period", budgetPeriods);
  return {
    cacheLookups: registry.counter({
      name: "sentinel_cache_lookups_total",
      help: "What the cache had for model calls. The hit ratio is (exact + semantic) / (exact + semantic + miss + error).",
      labels: [closedLabel("outcome", cacheLookupOutcomes)],
    }),
    /** Counts nano-dollars; shown in dollars. */
    cacheSavedUsd: registry.counter({
      name: "sentinel_cache_saved_usd_total",
      help: "US dollars that answers from the cache would have cost at the provider.",
      labels: [tenant, model],
      fractionDigits: 9,
    }),
    cacheSavedTokens: registry.counter({
      name: "sentinel_cache_saved_tokens_total",
      help: "Input and output tokens that answers from the cache would have taken at the provider.",
      labels: [tenant, model],
    }),
    cacheSimilarity: registry.histogram({
      name: "sentinel_cache_similarity",
      help: "Cosine similarity (0 to 1) of the nearest stored question, by whether it was near enough.",
      labels: [closedLabel("result", similarityResults)],
      bounds: similarityBounds,
    }),
    cacheSemanticErrorRatio: registry.gauge({
      name: "sentinel_cache_semantic_error_ratio",
      help: "Share (0 to 1) of audited would-be semantic hits that were wrong: estimate, lower and upper bound.",
      labels: [
        tenant,
        closedLabel("channel", semanticErrorChannels),
        closedLabel("bound", ratioBounds),
      ],
      others: "hidden",
    }),
    cacheSemanticMaxErrorRatio: registry.gauge({
      name: "sentinel_cache_semantic_max_error_ratio",
      help: "Share (0 to 1) of wrong semantic hits that a tenant accepts.",
      labels: [tenant],
      others: "hidden",
    }),
    ratelimitRejections: registry.counter({
      name: "sentinel_ratelimit_rejections_total",
      help: "Requests refused with 429, by which limit of the tenant was reached.",
      labels: [tenant, closedLabel("limit", rejectedLimits)],
    }),
    budgetRemaining: registry.gauge({
      name: "sentinel_budget_remaining_usd",
      help: "US dollars left of a tenant's budget in the present period; negative where it was overspent.",
      labels: [tenant, period],
      others: "hidden",
    }),
    budgetLimit: registry.gauge({
      name: "sentinel_budget_limit_usd",
      help: "US dollars that a tenant may spend in a period.",
      labels: [tenant, period],
      others: "hidden",
    }),
  };
}
