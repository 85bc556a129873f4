import type { BudgetSpent } from "../cost/usage-ledger.ts";
import { periodIdOf } from "../limits/budget-periods.ts";
import type { PeriodKind } from "../limits/budget-periods.ts";
import type { BudgetRule, LimitRefusal, ScopedRules } from "../limits/limit-store.ts";

export interface BudgetGauge {
  readonly tenantId: string;
  readonly period: PeriodKind;
  readonly limitNanoUsd: number;
  /** Below 0 where it was overspent; undefined where nobody has said so far what is spent. */
  readonly remainingNanoUsd: number | undefined;
}

interface Spent {
  readonly periodId: string;
  readonly nanoUsd: number;
}

interface Known {
  rules: readonly BudgetRule[];
  /** By kind of period: the latest that was told. */
  readonly spent: Map<PeriodKind, Spent>;
}

/**
 * What is left of the tenants' budgets, as the books tell it while requests come in. Of a tenant without a request since
 * the start nothing is known, and nothing is said.
 */
export class BudgetGauges {
  readonly #tenants = new Map<string, Known>();
  readonly #tenantsMax: number;

  /** Beyond `tenantsMax` tenants further ones are left out: they have no name in the metrics. */
  constructor(tenantsMax: number) {
    this.#tenantsMax = tenantsMax;
  }

  /** A request of this tenant came under these rules. Runs once per request; a look-up in a map. */
  noteRules(tenantId: string, rules: readonly ScopedRules[]): void {
    const [first] = rules;
    const budgets = first?.scope === "tenant" ? first.budgets : noBudgets;
    const known = this.#tenants.get(tenantId);
    if (known !== undefined) known.rules = budgets;
    else if (budgets.length > 0 && this.#tenants.size < this.#tenantsMax) {
      this.#tenants.set(tenantId, { rules: budgets, spent: new Map() });
    }
  }

  noteSpent(spent: readonly BudgetSpent[]): void {
    for (const { tenantId, keyId, periodId, spentNanoUsd } of spent) {
      if (keyId !== undefined) continue;
      const kind = kinds[periodId.slice(0, 1)];
      const known = this.#tenants.get(tenantId)?.spent;
      if (kind === undefined || known === undefined) continue;
      // A request that outlasts its period is told of after the first ones of the next; ids are in the order of time.
      if ((known.get(kind)?.periodId ?? "") > periodId) continue;
      known.set(kind, { periodId, nanoUsd: Number(spentNanoUsd) });
    }
  }

  /** A budget that is used up: after a start this may be the first that is heard of it. */
  noteRefusal(tenantId: string, refusal: LimitRefusal, startedEpochMs: number): void {
    if (refusal.limit !== "budget" || refusal.scope !== "tenant") return;
    const periodId = periodIdOf(refusal.period, startedEpochMs);
    const spentNanoUsd = BigInt(refusal.spentNanoUsd);
    this.noteSpent([{ tenantId, keyId: undefined, periodId, spentNanoUsd }]);
  }

  now(epochMs: number): readonly BudgetGauge[] {
    return [...this.#tenants].flatMap(([tenantId, { rules, spent }]) =>
      rules.filter(isNarrowest).map(({ period, limitNanoUsd }) => ({
        tenantId,
        period,
        limitNanoUsd,
        remainingNanoUsd: remaining(limitNanoUsd, spent.get(period), periodIdOf(period, epochMs)),
      })),
    );
  }
}

const noBudgets: readonly BudgetRule[] = [];

/** Of two budgets for the same period the lower one is met first. */
const isNarrowest = (rule: BudgetRule, at: number, all: readonly BudgetRule[]): boolean =>
  !all.some(
    ({ period, limitNanoUsd }, other) =>
      period === rule.period &&
      (limitNanoUsd < rule.limitNanoUsd || (limitNanoUsd === rule.limitNanoUsd && other < at)),
  );

/** By the first letter of a `PeriodId`. */
const kinds: Readonly<Record<string, PeriodKind>> = {
  d: "day",
  w: "week",
  m: "month",
  t: "total",
};

/** A period of which nothing was told has begun after the last that was: nothing is spent in it yet. */
function remaining(
  limitNanoUsd: number,
  spent: Spent | undefined,
  periodId: string,
): number | undefined {
  if (spent === undefined) return undefined;
  const spentNanoUsd = spent.periodId === periodId ? spent.nanoUsd : 0;
  return limitNanoUsd - spentNanoUsd;
}
