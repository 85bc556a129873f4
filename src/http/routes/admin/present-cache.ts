import { usdText } from "../../../lib/usd.ts";
import type { ChannelStatus, SemanticStatus } from "../../../pipeline/cache/semantic-tier.ts";
import { cacheRules } from "../../../tenants/cache-policy.ts";
import type { Tenant } from "../../../tenants/tenant.ts";

interface ShownStatus {
  readonly tenant: Tenant;
  readonly isOn: boolean;
  readonly semantic: SemanticStatus | undefined;
}

/** A tenant's cache as `GET /admin/v1/cache` shows it. */
export function presentCacheStatus({ tenant, isOn, semantic }: ShownStatus) {
  const rules = cacheRules([tenant.policy]);
  return {
    object: "cache.status",
    tenant: tenant.id,
    /** Of this gateway (SENTINEL_CACHE). */
    is_on: isOn,
    /** What holds for the tenant, with the defaults for what its policy leaves open. A key's policy may be narrower. */
    rules: {
      enabled: rules.isEnabled,
      max_temperature: rules.maxTemperature,
      ttl_seconds: rules.ttlSeconds,
      max_ttl_seconds: rules.maxTtlSeconds,
      semantic: {
        mode: rules.semantic.mode,
        max_error: rules.semantic.maxError,
        guards_off: [...rules.semantic.guardsOff],
        learning_budget_usd: usdText(rules.semantic.learningBudgetNanoUsd),
      },
    },
    semantic: semantic === undefined ? null : presentSemantic(semantic),
  };
}

function presentSemantic(status: SemanticStatus) {
  const { embedder, lastEmbedFailure, maxError, channels, stops, checks } = status;
  return {
    embedder,
    last_embed_failure: lastEmbedFailure ?? null,
    max_error: maxError,
    /** CN: questions with the same normal form. CS: those whose vectors are near. */
    channels: { CN: presentChannel(channels.CN), CS: presentChannel(channels.CS) },
    stops,
    /** Of this process, since it began. */
    checks: {
      made: checks.made,
      agreed: checks.agreed,
      spent_usd: usdText(checks.spentNanoUsd),
      refused_by_budget: checks.refusedByBudget,
      unavailable: checks.unavailable,
      unclear: checks.unclear,
      withheld: checks.withheld,
    },
  };
}

function presentChannel({ canServe, threshold, labels, audited }: ChannelStatus) {
  const { errors, trials, interval } = audited;
  return {
    can_serve: canServe,
    threshold: threshold ?? null,
    labels,
    /** How wrong its hits were found to be lately, and between which bounds that lies (95 %). */
    audited: {
      errors,
      trials,
      error_low: rounded(interval.low),
      error_high: rounded(interval.high),
    },
  };
}

const rounded = (share: number): number => Math.round(share * 1e4) / 1e4;
