import { Failure } from "../../../errors.ts";
import type { Clock } from "../../../lib/clock.ts";
import { budgetRefusal } from "../../../pipeline/limits/budget.ts";
import { periodIdOf } from "../../../pipeline/limits/budget-periods.ts";
import { minuteMs } from "../../../pipeline/limits/gcra.ts";
import type {
  Admission,
  AdmitRequest,
  Amounts,
  BudgetRule,
  Lease,
  ScopedRules,
} from "../../../pipeline/limits/limit-store.ts";
import { memoryLimitStore } from "../../memory/limit-store.ts";
import { periodIndex } from "./last-known.ts";
import type { KnownAccount, LastKnown } from "./last-known.ts";

/** Of a hard budget all replicas together may spend this part, without Redis to ask. */
const blindPart = 20;

/** A connection that comes and goes must not grant a new part each time. */
const rememberedMs = 60_000;

export interface LocalShareDeps {
  readonly clock: Clock;
  readonly known: LastKnown;
  /** How many replicas there were when Redis was last heard. */
  readonly replicas: () => number;
}

/**
 * What this process admits alone, from the moment Redis is gone until it is back: of each limit the part of one
 * replica, going on from what Redis last said. Of a hard budget each has its part of what remained, and of 5 %
 * of the limit; then it is closed, because nobody knows what the others spend. Soft budgets are open.
 */
export class LocalShare {
  readonly #deps: LocalShareDeps;
  readonly #store;
  /** Accounts whose buckets have been brought to where Redis had them. Bounded by those that ask meanwhile. */
  readonly #primed = new Set<string>();
  #usedAtMs: number;

  constructor(deps: LocalShareDeps) {
    this.#deps = deps;
    this.#store = memoryLimitStore({ clock: deps.clock, spent: [] });
    this.#usedAtMs = deps.clock.tickMs();
  }

  /** Nobody needed it for so long that Redis has heard of all that was spent: the next loss may begin anew. */
  get isForgotten(): boolean {
    return this.#deps.clock.tickMs() - this.#usedAtMs > rememberedMs;
  }

  /** Throws `store_unavailable` where a hard budget cannot be checked. */
  admit(request: AdmitRequest): Admission {
    this.#usedAtMs = this.#deps.clock.tickMs();
    this.#prime(request);
    const rules = request.rules.map((rule) => this.#shareOf(rule, request));
    const reserve = { ...request.reserve, tokens: tokensAskedFor(request, rules) };
    const admission = this.#store.admit({ ...request, rules, reserve });
    if (admission.kind === "refused" && admission.refusal.limit === "budget") {
      const refusal = this.#knownRefusal(request);
      if (refusal === undefined) throw unavailable();
      return { ...admission, refusal };
    }
    return admission;
  }

  extend(lease: Lease, more: Amounts): boolean {
    return this.#store.extend(lease, more);
  }

  settle(lease: Lease, used: Amounts): void {
    this.#store.settle(lease, used);
  }

  #shareOf(rules: ScopedRules, request: AdmitRequest): ScopedRules {
    const { known } = this.#deps;
    const replicas = this.#deps.replicas();
    const share = (limit: number | undefined): number | undefined =>
      limit === undefined ? undefined : Math.max(1, limit / replicas);
    const places = share(rules.concurrentRequests);
    const scopeName = rules.scope === "key" ? request.keyId : "";
    const account = known.of(request.tenantId, scopeName);
    return {
      scope: rules.scope,
      requestsPerMinute: share(rules.requestsPerMinute),
      tokensPerMinute: share(rules.tokensPerMinute),
      concurrentRequests: places === undefined ? undefined : Math.floor(places),
      budgets: rules.budgets
        .filter(({ isHard }) => isHard)
        .map((rule) => {
          const remaining = remainingOf(rule, account, request.startedEpochMs);
          const blind = Math.min(remaining, Math.floor(rule.limitNanoUsd / blindPart));
          return { ...rule, limitNanoUsd: Math.floor(Math.max(0, blind) / replicas) };
        }),
    };
  }

  /** The budget that would have no room for the request even if Redis could be asked. */
  #knownRefusal({ tenantId, keyId, rules, startedEpochMs, reserve }: AdmitRequest) {
    for (const { scope, budgets } of rules) {
      const account = this.#deps.known.of(tenantId, scope === "key" ? keyId : "");
      for (const rule of budgets) {
        if (!rule.isHard) continue;
        const remaining = remainingOf(rule, account, startedEpochMs);
        if (remaining >= reserve.nanoUsd) continue;
        const spentNanoUsd = BigInt(rule.limitNanoUsd) - BigInt(remaining);
        return budgetRefusal(scope, rule, { spentNanoUsd, heldNanoUsd: 0n });
      }
    }
    return undefined;
  }

  /**
   * Draws a new bucket to the time at which Redis' would be full: for the part of a replica it is the same. One
   * unit of a limit of `minute / missing` takes just so long to flow back.
   */
  #prime(request: AdmitRequest): void {
    const { tenantId, keyId } = request;
    const nowMs = this.#deps.clock.tickMs();
    const rules = request.rules.flatMap(({ scope }): ScopedRules[] => {
      const scopeName = scope === "key" ? keyId : "";
      const name = `${tenantId}\n${scopeName}`;
      if (this.#primed.has(name)) return [];
      this.#primed.add(name);
      const account = this.#deps.known.of(tenantId, scopeName);
      if (account === undefined) return [];
      return [
        {
          scope,
          requestsPerMinute: rateToFill(Math.min(minuteMs, account.requestsFullMs - nowMs)),
          tokensPerMinute: rateToFill(account.tokensFullMs - nowMs),
          concurrentRequests: undefined,
          budgets: [],
        },
      ];
    });
    if (rules.length === 0) return;
    const nothing = { tokens: 0, nanoUsd: 0 };
    const admission = this.#store.admit({
      ...request,
      id: `prime ${request.id}`,
      rules,
      reserve: nothing,
    });
    if (admission.kind === "refused") return;
    // A token more than reserved is a debt, however long it takes to flow back.
    this.#store.settle(admission.lease, { tokens: 1, nanoUsd: 0 });
  }
}

const rateToFill = (missingMs: number): number | undefined =>
  missingMs > 0 ? minuteMs / missingMs : undefined;

/**
 * What was left of a budget when Redis was last heard. All of it, if its period has begun since. Throws where
 * nothing was ever heard.
 */
function remainingOf(rule: BudgetRule, account: KnownAccount | undefined, epochMs: number): number {
  const known = account?.budgets[periodIndex(rule.period)];
  if (known === undefined) throw unavailable();
  if (known.periodId !== periodIdOf(rule.period, epochMs)) return rule.limitNanoUsd;
  const remaining = BigInt(rule.limitNanoUsd) - known.usedNanoUsd;
  return remaining < 0n ? 0 : Number(remaining);
}

/** What fits the whole limit fits the part of a replica, which is empty then. */
function tokensAskedFor({ rules, reserve }: AdmitRequest, shares: readonly ScopedRules[]): number {
  const least = (list: readonly ScopedRules[]): number =>
    Math.min(...list.map(({ tokensPerMinute }) => tokensPerMinute ?? Number.POSITIVE_INFINITY));
  return reserve.tokens > least(rules) ? reserve.tokens : Math.min(reserve.tokens, least(shares));
}

const retryAfterMs = 1_000;

function unavailable(): Failure {
  return new Failure(
    "store_unavailable",
    "Sentinel cannot check this key's budget: the store that counts it does not answer. Try again shortly.",
    { retryAfterMs },
  );
}
