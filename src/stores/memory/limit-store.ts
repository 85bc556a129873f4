import type { Clock } from "../../lib/clock.ts";
import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import { budgetRefusal, fitsBudget, longerBudget } from "../../pipeline/limits/budget.ts";
import type { BudgetRefusal } from "../../pipeline/limits/budget.ts";
import { periodKinds } from "../../pipeline/limits/budget-periods.ts";
import { drawn, givenBack, refundOf } from "../../pipeline/limits/gcra.ts";
import type {
  Admission,
  AdmitRequest,
  Amounts,
  Lease,
  LimitRefusal,
  LimitStore,
  ScopedRules,
} from "../../pipeline/limits/limit-store.ts";
import { newAccount, periodsAt, tidy } from "./account.ts";
import type { Account, Period } from "./account.ts";
import { quotaOf, rateRefusal } from "./rates.ts";

/** Limits and budgets counted in this process. */
export interface MemoryLimitStore extends LimitStore {
  admit(request: AdmitRequest): Admission;
  extend(lease: Lease, more: Amounts): boolean;
  /** Tenants and keys of which something is kept. */
  readonly accountCount: number;
  /** Requests that are admitted and not settled. */
  readonly leaseCount: number;
}

/**
 * Everything is counted by synchronous calls on the main thread, so that nothing comes between a check and its
 * reservation. Callers without rules are to be admitted here too: a budget that is set later must know what they
 * have spent. A lease ends only by `settle`: if the process dies, so does the count.
 *
 * Memory: a tenant or key takes 0.8 KB in a month in which it spends, and less than half of that after it, as long as
 * the process runs; one that has spent nothing is forgotten. So it is bounded by the keys that there are.
 *
 * `spent` is what the ledger says of the periods that hold now, read after the journal's replay.
 */
export function memoryLimitStore(deps: {
  readonly clock: Clock;
  readonly spent: readonly BudgetSpent[];
}): MemoryLimitStore {
  return new MemoryLimits(deps.clock, deps.spent);
}

/** So many accounts are looked at with each admission, to forget what is idle: more than an admission makes. */
const sweptPerAdmission = 4;

/** What one of the two, tenant or key, has to do with a request. */
interface Part {
  readonly account: Account;
  readonly rules: ScopedRules | undefined;
  /** Of the request's start, in the order of `periodKinds`. */
  readonly periods: readonly Period[];
}

interface OpenLease {
  readonly parts: readonly Part[];
  readonly sinceMs: number;
  reservedTokens: number;
  reservedNanoUsd: bigint;
}

class MemoryLimits implements MemoryLimitStore {
  readonly #clock: Clock;
  readonly #accounts = new Map<string, Account>();
  /** Bounded by the requests that the door lets in. */
  readonly #leases = new Map<string, OpenLease>();
  #toSweep = this.#accounts.entries();

  constructor(clock: Clock, spent: readonly BudgetSpent[]) {
    this.#clock = clock;
    const nowMs = clock.epochMs();
    for (const { tenantId, keyId, periodId, spentNanoUsd } of spent) {
      const account = this.#account(accountName(tenantId, keyId));
      const period = periodsAt(account, nowMs).find(({ id }) => id === periodId);
      if (period !== undefined) period.spentNanoUsd += spentNanoUsd;
    }
  }

  get accountCount(): number {
    return this.#accounts.size;
  }

  get leaseCount(): number {
    return this.#leases.size;
  }

  /** Of several limits in the way, the refusal names a budget first, then the rate with the longest wait. */
  admit(request: AdmitRequest): Admission {
    const { id, tenantId, keyId, startedEpochMs, rules, reserve } = request;
    if (this.#leases.has(id)) throw new Error(`The request ${id} is admitted already.`);
    const nowMs = this.#clock.tickMs();
    this.#sweep(nowMs);
    const parts = [
      this.#part(accountName(tenantId, undefined), "tenant", request),
      this.#part(accountName(tenantId, keyId), "key", request),
    ];
    const refusal = findRefusal(parts, request, nowMs);
    if (refusal !== undefined) return { kind: "refused", refusal, quota: quotaOf(parts, nowMs) };

    const reservedNanoUsd = BigInt(reserve.nanoUsd);
    for (const { account, rules: limits, periods } of parts) {
      account.running += 1;
      const { requestsPerMinute, tokensPerMinute } = limits ?? {};
      if (requestsPerMinute !== undefined) {
        const draw = { amount: 1, perMinute: requestsPerMinute, nowMs };
        account.requestsFullMs = drawn(account.requestsFullMs, draw);
      }
      if (tokensPerMinute !== undefined) {
        const draw = { amount: reserve.tokens, perMinute: tokensPerMinute, nowMs };
        account.tokensFullMs = drawn(account.tokensFullMs, draw);
      }
      for (const period of periods) period.heldNanoUsd += reservedNanoUsd;
    }
    this.#leases.set(id, {
      parts,
      sinceMs: nowMs,
      reservedTokens: reserve.tokens,
      reservedNanoUsd,
    });
    const lease = { id, tenantId, keyId, startedEpochMs, rules, reserved: reserve };
    return {
      kind: "admitted",
      lease: { ...lease, journalled: undefined, isLocal: false },
      quota: quotaOf(parts, nowMs),
    };
  }

  /** Money must fit every hard budget; tokens go into debt, as what a running answer sends is there already. */
  extend({ id }: Lease, more: Amounts): boolean {
    const open = this.#leases.get(id);
    if (open === undefined) return false;
    if (open.parts.some((part) => findFullBudget(part, more.nanoUsd) !== undefined)) return false;
    const moreNanoUsd = BigInt(more.nanoUsd);
    const nowMs = this.#clock.tickMs();
    for (const part of open.parts) {
      for (const period of part.periods) period.heldNanoUsd += moreNanoUsd;
      drawTokens(part, more.tokens, nowMs);
    }
    open.reservedTokens += more.tokens;
    open.reservedNanoUsd += moreNanoUsd;
    return true;
  }

  /** What is settled already, or was never admitted here, changes nothing. */
  settle({ id }: Lease, used: Amounts): void {
    const open = this.#leases.get(id);
    if (open === undefined) return;
    this.#leases.delete(id);
    const nowMs = this.#clock.tickMs();
    const usedNanoUsd = BigInt(used.nanoUsd);
    for (const part of open.parts) {
      part.account.running -= 1;
      for (const period of part.periods) {
        period.heldNanoUsd -= open.reservedNanoUsd;
        period.spentNanoUsd += usedNanoUsd;
      }
      correctTokens(part, open, used.tokens, nowMs);
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #part(name: string, scope: ScopedRules["scope"], { rules, startedEpochMs }: AdmitRequest): Part {
    const account = this.#account(name);
    return {
      account,
      rules: rules.find((one) => one.scope === scope),
      periods: periodsAt(account, startedEpochMs),
    };
  }

  #account(name: string): Account {
    const known = this.#accounts.get(name);
    if (known !== undefined) return known;
    const account = newAccount();
    this.#accounts.set(name, account);
    return account;
  }

  /** Goes round all accounts, a few at a time. */
  #sweep(tickMs: number): void {
    const now = { tickMs, epochMs: this.#clock.epochMs() };
    for (let count = 0; count < sweptPerAdmission; count += 1) {
      const next = this.#toSweep.next();
      if (next.done === true) {
        this.#toSweep = this.#accounts.entries();
        return;
      }
      const [name, account] = next.value;
      if (tidy(account, now)) this.#accounts.delete(name);
    }
  }
}

/** Neither id has a line feed. */
const accountName = (tenantId: string, keyId: string | undefined): string =>
  keyId === undefined ? tenantId : `${tenantId}\n${keyId}`;

function findRefusal(
  parts: readonly Part[],
  { reserve, startedEpochMs }: AdmitRequest,
  nowMs: number,
): LimitRefusal | undefined {
  let budget: BudgetRefusal | undefined;
  for (const part of parts) {
    const full = findFullBudget(part, reserve.nanoUsd, startedEpochMs);
    if (full !== undefined) budget = longerBudget(budget, full, startedEpochMs);
  }
  return budget ?? rateRefusal(parts, reserve.tokens, nowMs);
}

/** A hard budget in which there is no room for so much more: of several, the one that resets last. */
function findFullBudget(
  { rules, periods }: Part,
  nanoUsd: number,
  epochMs = 0,
): BudgetRefusal | undefined {
  let found: BudgetRefusal | undefined;
  if (rules === undefined) return found;
  for (const rule of rules.budgets) {
    const period = periods[periodKinds.indexOf(rule.period)];
    if (period === undefined || fitsBudget(rule, period, nanoUsd)) continue;
    found = longerBudget(found, budgetRefusal(rules.scope, rule, period), epochMs);
  }
  return found;
}

function drawTokens({ account, rules }: Part, amount: number, nowMs: number): void {
  const perMinute = rules?.tokensPerMinute;
  if (perMinute === undefined || amount <= 0) return;
  account.tokensFullMs = drawn(account.tokensFullMs, { amount, perMinute, nowMs });
}

/** What was used beyond the reservation is debited; of what was not, what has not flowed back by itself is put back. */
function correctTokens(part: Part, open: OpenLease, usedTokens: number, nowMs: number): void {
  const { account, rules } = part;
  const perMinute = rules?.tokensPerMinute;
  if (perMinute === undefined) return;
  const reserved = open.reservedTokens;
  drawTokens(part, usedTokens - reserved, nowMs);
  const heldMs = nowMs - open.sinceMs;
  const amount = refundOf({ reserved, used: usedTokens, perMinute, heldMs });
  if (amount > 0) {
    account.tokensFullMs = givenBack(account.tokensFullMs, { amount, perMinute, nowMs });
  }
}
