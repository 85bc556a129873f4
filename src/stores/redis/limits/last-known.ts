import { Lru } from "../../../lib/lru.ts";
import { periodKinds } from "../../../pipeline/limits/budget-periods.ts";
import type { PeriodId, PeriodKind } from "../../../pipeline/limits/budget-periods.ts";
import type { AdmitReply, ReplyPart } from "./admit-reply.ts";
import type { DatedPlan, Plan } from "./plan.ts";

/** What Redis last said of a tenant or a key. */
export interface KnownAccount {
  /** By this process' ticking clock. */
  requestsFullMs: number;
  tokensFullMs: number;
  /** In the order of `periodKinds`; undefined where no hard budget was ever checked. */
  readonly budgets: (KnownBudget | undefined)[];
}

export interface KnownBudget {
  readonly periodId: PeriodId;
  /** Spent and held. */
  readonly usedNanoUsd: bigint;
}

/** So many tenants and keys are remembered, some 300 bytes each; of one that is forgotten nothing is known. */
const accountsMax = 50_000;

/** Noted with each admission, so that there is something to go by when Redis is gone. Costs a microsecond. */
export class LastKnown {
  readonly #accounts = new Lru<string, KnownAccount>(accountsMax);

  /** Of the tenant with an empty scope. */
  of(tenantId: string, scopeName: string): KnownAccount | undefined {
    return this.#accounts.get(accountName(tenantId, scopeName));
  }

  note(plan: Plan, dated: DatedPlan, reply: AdmitReply, tickMs: number): void {
    if (plan.tenant !== undefined)
      this.#note(plan.tenantId, "", reply.tenant, tickMs - reply.nowMs);
    if (plan.key !== undefined)
      this.#note(plan.tenantId, plan.keyId, reply.key, tickMs - reply.nowMs);
    for (const [index, { rule, scopeName }] of plan.hardBudgets.entries()) {
      const sums = reply.budgets[index];
      const account = this.of(plan.tenantId, scopeName);
      if (sums === undefined || account === undefined) continue;
      const at = periodIndex(rule.period);
      account.budgets[at] = {
        periodId: dated.started[at] ?? "",
        usedNanoUsd: sums.spent + sums.held,
      };
    }
  }

  #note(tenantId: string, scopeName: string, part: ReplyPart, offsetMs: number): void {
    const name = accountName(tenantId, scopeName);
    const known = this.#accounts.get(name);
    const requestsFullMs = part.requestsFullMs + offsetMs;
    const tokensFullMs = part.tokensFullMs + offsetMs;
    if (known === undefined) {
      this.#accounts.set(name, { requestsFullMs, tokensFullMs, budgets: [] });
      return;
    }
    known.requestsFullMs = requestsFullMs;
    known.tokensFullMs = tokensFullMs;
  }
}

export const periodIndex = (kind: PeriodKind): number => periodKinds.indexOf(kind);

/** Neither has a line feed. */
const accountName = (tenantId: string, scopeName: string): string => `${tenantId}\n${scopeName}`;
