import { budgetRefusal, fitsBudget, longerBudget } from "../../../pipeline/limits/budget.ts";
import type { BudgetRefusal } from "../../../pipeline/limits/budget.ts";
import type { AdmitRequest, LimitRefusal, Quota } from "../../../pipeline/limits/limit-store.ts";
import { newAccount } from "../../memory/account.ts";
import { quotaOf, rateRefusal } from "../../memory/rates.ts";
import type { Plan } from "./plan.ts";

/** What `admit.lua` said. */
export interface AdmitReply {
  readonly kind: "admitted" | "refused" | "late";
  /** By Redis' clock. */
  readonly nowMs: number;
  readonly tenant: ReplyPart;
  readonly key: ReplyPart;
  /** In the order of `Plan.hardBudgets`. */
  readonly budgets: readonly { readonly spent: bigint; readonly held: bigint }[];
}

export interface ReplyPart {
  readonly requestsFullMs: number;
  readonly tokensFullMs: number;
  readonly running: number;
}

const kinds = ["refused", "admitted", "late"] as const;

export function readAdmitReply(reply: unknown): AdmitReply {
  const fields = reply as readonly (string | number)[];
  const number = (at: number): number => Number(fields[at] ?? 0);
  const partAt = (at: number): ReplyPart => ({
    requestsFullMs: number(at),
    tokensFullMs: number(at + 1),
    running: number(at + 2),
  });
  const budgets = [];
  for (let at = 8; at < fields.length; at += 2) {
    budgets.push({ spent: BigInt(fields[at] ?? 0), held: BigInt(fields[at + 1] ?? 0) });
  }
  return {
    kind: kinds[number(0)] ?? "refused",
    nowMs: number(1),
    tenant: partAt(2),
    key: partAt(5),
    budgets,
  };
}

export function quotaIn(reply: AdmitReply, plan: Plan): Quota {
  return quotaOf(partsOf(reply, plan), reply.nowMs);
}

/** By the same rules as in memory: a budget first, then the limit that is in the way for longest. */
export function refusalIn(
  reply: AdmitReply,
  plan: Plan,
  { reserve, startedEpochMs }: AdmitRequest,
): LimitRefusal | undefined {
  let budget: BudgetRefusal | undefined;
  for (const [index, { rule, scope }] of plan.hardBudgets.entries()) {
    const found = reply.budgets[index];
    if (found === undefined) continue;
    const sums = { spentNanoUsd: found.spent, heldNanoUsd: found.held };
    if (fitsBudget(rule, sums, reserve.nanoUsd)) continue;
    budget = longerBudget(budget, budgetRefusal(scope, rule, sums), startedEpochMs);
  }
  return budget ?? rateRefusal(partsOf(reply, plan), reserve.tokens, reply.nowMs);
}

function partsOf(reply: AdmitReply, { tenant, key }: Plan) {
  return [
    { account: Object.assign(newAccount(), reply.tenant), rules: tenant },
    { account: Object.assign(newAccount(), reply.key), rules: key },
  ];
}
