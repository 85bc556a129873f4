import { periodIdsOf, periodKinds } from "../../../pipeline/limits/budget-periods.ts";
import type { PeriodId } from "../../../pipeline/limits/budget-periods.ts";
import type {
  AdmitRequest,
  BudgetRule,
  ScopedRules,
} from "../../../pipeline/limits/limit-store.ts";
import type { ScriptArgument } from "../script.ts";
import { keysOf, periodTtlMs } from "./keys.ts";

/** What the scripts are told of one caller's limits. Worked out once for a caller, and once a day for its budgets. */
export interface Plan {
  readonly tenantId: string;
  readonly keyId: string;
  readonly keys: ReturnType<typeof keysOf>;
  readonly tenant: ScopedRules | undefined;
  readonly key: ScopedRules | undefined;
  /** False: there is nothing to ask for. */
  readonly isLimited: boolean;
  readonly hardBudgets: readonly PlannedBudget[];
  /** KEYS of `admit.lua`, without the budgets. */
  readonly fixedKeys: readonly string[];
  /** Of tenant and key; 0: no limit. */
  readonly tokensPerMinute: readonly [number, number];
  dated: DatedPlan | undefined;
}

export interface PlannedBudget {
  readonly rule: BudgetRule;
  readonly scope: ScopedRules["scope"];
  /** As in the keys: empty for the tenant. */
  readonly scopeName: string;
}

/** For requests that start on one day and are admitted on one day. */
export interface DatedPlan {
  readonly today: number;
  readonly startDay: number;
  /** Of the request's start, in the order of `periodKinds`. */
  readonly started: readonly PeriodId[];
  readonly periodIds: readonly PeriodId[];
  /** All KEYS of `admit.lua`. */
  readonly keys: readonly string[];
  /** Its ARGV from the limits on. */
  readonly limitArguments: readonly ScriptArgument[];
  /** Where money is held, JSON; empty where there is no hard budget. */
  readonly places: string;
}

const plans = new WeakMap<readonly ScopedRules[], Plan>();

/** A caller's rules are the same object as long as nothing about it changed. */
export function planOf({
  tenantId,
  keyId,
  rules,
}: Pick<AdmitRequest, "tenantId" | "keyId" | "rules">): Plan {
  const known = plans.get(rules);
  if (known?.tenantId === tenantId && known.keyId === keyId) return known;
  const plan = makePlan(tenantId, keyId, rules);
  plans.set(rules, plan);
  return plan;
}

function makePlan(tenantId: string, keyId: string, rules: readonly ScopedRules[]): Plan {
  const keys = keysOf(tenantId);
  const tenant = rules.find(({ scope }) => scope === "tenant");
  const key = rules.find(({ scope }) => scope === "key");
  const hardBudgets = rules.flatMap(({ scope, budgets }) =>
    budgets
      .filter(({ isHard }) => isHard)
      .map((rule) => ({ rule, scope, scopeName: scope === "key" ? keyId : "" })),
  );
  return {
    tenantId,
    keyId,
    keys,
    tenant,
    key,
    isLimited:
      [...limitsOf(tenant), ...limitsOf(key)].some((limit) => limit > 0) || hardBudgets.length > 0,
    hardBudgets,
    fixedKeys: [keys.rates, keys.running(""), keys.running(keyId), keys.holds, keys.holdValues],
    tokensPerMinute: [tenant?.tokensPerMinute ?? 0, key?.tokensPerMinute ?? 0],
    dated: undefined,
  };
}

/** Requests and tokens per minute, concurrent requests; 0 where there is no limit. */
const limitsOf = (rules: ScopedRules | undefined): [number, number, number] => [
  rules?.requestsPerMinute ?? 0,
  rules?.tokensPerMinute ?? 0,
  rules?.concurrentRequests ?? 0,
];

const dayMs = 86_400_000;

/** The plan with its budgets' keys, made anew when the day changes. */
export function datedPlan(plan: Plan, startedEpochMs: number, nowEpochMs: number): DatedPlan {
  const today = Math.floor(nowEpochMs / dayMs);
  const startDay = Math.floor(startedEpochMs / dayMs);
  const { dated } = plan;
  if (dated?.today === today && dated.startDay === startDay) return dated;
  const started = periodIdsOf(startedEpochMs);
  const yesterday = periodIdsOf(nowEpochMs - dayMs);
  // Holds that expired are given back with any admission: they began today or yesterday.
  const periodIds =
    plan.hardBudgets.length === 0
      ? []
      : [...new Set([...started, ...periodIdsOf(nowEpochMs), ...yesterday])];
  const indexOf = ({ rule }: PlannedBudget): number => periodKinds.indexOf(rule.period);
  const places = plan.hardBudgets.flatMap((budget) => [started[indexOf(budget)], budget.scopeName]);
  return (plan.dated = {
    today,
    startDay,
    started,
    periodIds,
    keys: [...plan.fixedKeys, ...periodIds.map(plan.keys.budget)],
    limitArguments: [
      ...limitsOf(plan.tenant),
      ...limitsOf(plan.key),
      periodIds.length,
      ...periodIds.flatMap((id) => [id, periodTtlMs(id)]),
      ...budgetArguments(plan),
    ],
    places: places.length === 0 ? "" : JSON.stringify(places),
  });
}

/** Which of the budgets' keys, scope, limit: those of the request's start come first. */
export function budgetArguments({ hardBudgets }: Plan): ScriptArgument[] {
  return hardBudgets.flatMap(({ rule, scopeName }) => [
    periodKinds.indexOf(rule.period) + 1,
    scopeName,
    rule.limitNanoUsd,
  ]);
}
