import { nanoUsdMax } from "../../lib/usd.ts";
import { periodEndMs } from "./budget-periods.ts";
import type { BudgetRule, LimitRefusal, ScopedRules } from "./limit-store.ts";

/** What a tenant or a key has spent in a period, and what is held for its requests that run. */
export interface PeriodSums {
  readonly spentNanoUsd: bigint;
  readonly heldNanoUsd: bigint;
}

export const nothingSpent: PeriodSums = { spentNanoUsd: 0n, heldNanoUsd: 0n };

/** Whether a reservation fits: for a hard budget all that is spent, held and asked for together stays within it. */
export function fitsBudget(rule: BudgetRule, sums: PeriodSums, reserveNanoUsd: number): boolean {
  if (!rule.isHard) return true;
  return sums.spentNanoUsd + sums.heldNanoUsd + BigInt(reserveNanoUsd) <= BigInt(rule.limitNanoUsd);
}

export type BudgetRefusal = Extract<LimitRefusal, { readonly limit: "budget" }>;

export function budgetRefusal(
  scope: ScopedRules["scope"],
  rule: BudgetRule,
  sums: PeriodSums,
): BudgetRefusal {
  return {
    limit: "budget",
    scope,
    period: rule.period,
    limitNanoUsd: rule.limitNanoUsd,
    spentNanoUsd: numberOf(sums.spentNanoUsd),
    heldNanoUsd: numberOf(sums.heldNanoUsd),
  };
}

/** Beyond nine million dollars no limit reaches: what is shown stays there. */
function numberOf(nanoUsd: bigint): number {
  return nanoUsd > BigInt(nanoUsdMax) ? nanoUsdMax : Number(nanoUsd);
}

/** The one that stands in the way for longer: the client should hear of that. */
export function longerBudget(
  left: BudgetRefusal | undefined,
  right: BudgetRefusal,
  epochMs: number,
): BudgetRefusal {
  if (left === undefined) return right;
  const endOf = ({ period }: BudgetRefusal) =>
    periodEndMs(period, epochMs) ?? Number.POSITIVE_INFINITY;
  return endOf(right) > endOf(left) ? right : left;
}
