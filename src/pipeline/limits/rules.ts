import { nanoUsdFrom } from "../../lib/usd.ts";
import { permitsUnpriced } from "../../tenants/tenant.ts";
import type { Budget, Caller, Policy } from "../../tenants/tenant.ts";
import type { BudgetRule, ScopedRules } from "./limit-store.ts";

/**
 * The limits that a caller's policies set, the tenant's before the key's; none for one without any. A caller is
 * the same object as long as nothing about it changed, so that this is worked out once for it.
 */
export function rulesOf(caller: Caller): readonly ScopedRules[] {
  const known = compiled.get(caller);
  if (known !== undefined) return known;
  const rules = caller.policies.flatMap((policy, index) => compile(policy, scopes[index] ?? "key"));
  compiled.set(caller, rules);
  return rules;
}

/** Those that a request keeps to whose answer is in the cache: budgets are for what costs something. */
export function hitRulesOf(caller: Caller): readonly ScopedRules[] {
  const known = compiledForHits.get(caller);
  if (known !== undefined) return known;
  const rules = rulesOf(caller).map((rule) => ({ ...rule, budgets: [] }));
  compiledForHits.set(caller, rules);
  return rules;
}

/** Whether this caller may use a model whose price nobody knows: the tenant's policy and the key's must each say so. */
export function unpricedAllowed(caller: Caller): boolean {
  return caller.policies.every(permitsUnpriced);
}

const compiled = new WeakMap<Caller, readonly ScopedRules[]>();
const compiledForHits = new WeakMap<Caller, readonly ScopedRules[]>();

/** The order of `Caller.policies`. */
const scopes = ["tenant", "key"] as const;

function compile(policy: Policy, scope: ScopedRules["scope"]): readonly ScopedRules[] {
  const { limits = {}, budgets = [] } = policy;
  const rules: ScopedRules = {
    scope,
    requestsPerMinute: limits.requests_per_minute,
    tokensPerMinute: limits.tokens_per_minute,
    concurrentRequests: limits.concurrent_requests,
    budgets: budgets.map(budgetRule),
  };
  const isLimited =
    (rules.requestsPerMinute ?? rules.tokensPerMinute ?? rules.concurrentRequests) !== undefined;
  return isLimited || rules.budgets.length > 0 ? [rules] : [];
}

function budgetRule({ period, kind, limit_usd: limitUsd }: Budget): BudgetRule {
  const limitNanoUsd = nanoUsdFrom(limitUsd);
  // The schema takes nothing else. Should it ever, no budget must not become an unlimited one.
  return { period, limitNanoUsd: limitNanoUsd ?? 0, isHard: kind === "hard" };
}
