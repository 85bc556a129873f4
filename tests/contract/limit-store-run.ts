import { expect } from "vitest";
import { ulid } from "ulid";

import { nanoUsdMax } from "../../src/lib/usd.ts";
import type { PeriodKind } from "../../src/pipeline/limits/budget-periods.ts";
import type {
  Admission,
  AdmitRequest,
  Amounts,
  BudgetRule,
  Lease,
  LimitRefusal,
  LimitStore,
  Quota,
  ScopedRules,
} from "../../src/pipeline/limits/limit-store.ts";

/** A store with nothing counted, and what a test needs around it. */
export interface LimitStoreRun extends AsyncDisposable {
  /**
   * The replicas that share the numbers, at least one. Crowds spread their calls over them; where one process
   * has all the numbers there is one.
   */
  readonly replicas: readonly [LimitStore, ...LimitStore[]];
  /** The time by the clock that the store goes by, milliseconds since 1970: a manual one's, or the real one. */
  nowEpochMs(): number;
  /** Lets so much time pass: moves a manual clock, or waits. */
  pass(ms: number): Promise<void>;
  /**
   * All that settling is: `settle` of the store (the first replica's, unless another is named), and where money
   * is settled from the journal, the sink's part too. Resolves when it is counted: the next admission sees it.
   */
  settle(lease: Lease, used: Amounts, store?: LimitStore): Promise<void>;
  /** Where leases expire: makes the open ones as old as if their process had died `leaseMs` ago. */
  readonly expireLeases?: () => Promise<void>;
}

export type OpenLimitStore = () => Promise<LimitStoreRun>;

export const nothing: Amounts = { tokens: 0, nanoUsd: 0 };
export const money = (nanoUsd: number): Amounts => ({ tokens: 0, nanoUsd });
export const tokens = (count: number): Amounts => ({ tokens: count, nanoUsd: 0 });

type Limits = Partial<Omit<ScopedRules, "scope">>;

const limitsOf = (scope: ScopedRules["scope"], limits: Limits): ScopedRules => ({
  scope,
  requestsPerMinute: undefined,
  tokensPerMinute: undefined,
  concurrentRequests: undefined,
  budgets: [],
  ...limits,
});
export const ofTenant = (limits: Limits): ScopedRules => limitsOf("tenant", limits);
export const ofKey = (limits: Limits): ScopedRules => limitsOf("key", limits);

export const hard = (period: PeriodKind, limitNanoUsd: number): BudgetRule => ({
  period,
  limitNanoUsd,
  isHard: true,
});

/** Asks the first replica, as tenant `acme` with key `key-1`, for nothing, under no rules: unless told otherwise. */
export async function ask(
  run: LimitStoreRun,
  different: Partial<AdmitRequest> = {},
  store: LimitStore = run.replicas[0],
): Promise<Admission> {
  const startedEpochMs = different.startedEpochMs ?? run.nowEpochMs();
  return store.admit({
    id: ulid(startedEpochMs),
    tenantId: "acme",
    keyId: "key-1",
    startedEpochMs,
    rules: [],
    reserve: nothing,
    ...different,
  });
}

export async function admitted(
  run: LimitStoreRun,
  different: Partial<AdmitRequest> = {},
): Promise<{ readonly lease: Lease; readonly quota: Quota }> {
  const admission = await ask(run, different);
  if (admission.kind === "admitted") return admission;
  return expect.fail(`refused: ${JSON.stringify(admission.refusal)}`);
}

export async function refused(
  run: LimitStoreRun,
  different: Partial<AdmitRequest> = {},
): Promise<LimitRefusal> {
  const admission = await ask(run, different);
  if (admission.kind === "refused") return admission.refusal;
  return expect.fail(`admitted: ${JSON.stringify(admission.lease)}`);
}

/** After how long the refusal says that the request would be admitted. */
export function waitOf(refusal: LimitRefusal): number {
  if (refusal.limit !== "budget" && refusal.retryAfterMs !== undefined) return refusal.retryAfterMs;
  return expect.fail(`this refusal has no wait: ${JSON.stringify(refusal)}`);
}

/** What a budget has come to: told by the refusal of what no budget has room for, which changes nothing. */
export async function sumsOf(
  run: LimitStoreRun,
  scope: ScopedRules["scope"],
  period: PeriodKind,
  different: Partial<AdmitRequest> = {},
): Promise<{ readonly spent: number; readonly held: number }> {
  const rules = [limitsOf(scope, { budgets: [hard(period, 1)] })];
  const refusal = await refused(run, { ...different, rules, reserve: money(nanoUsdMax) });
  if (refusal.limit !== "budget") return expect.fail(`refused by ${refusal.limit}`);
  return { spent: refusal.spentNanoUsd, held: refusal.heldNanoUsd };
}

/** Asks the same of all replicas in turn, all at once, and says how many were admitted. */
export async function crowd(
  run: LimitStoreRun,
  size: number,
  request: Partial<AdmitRequest>,
): Promise<{ readonly leases: readonly Lease[]; readonly refusedBy: ReadonlySet<string> }> {
  const { replicas } = run;
  const answers = await Promise.all(
    Array.from({ length: size }, (_, index) =>
      ask(run, request, replicas[index % replicas.length]),
    ),
  );
  const leases = answers.flatMap((answer) => (answer.kind === "admitted" ? [answer.lease] : []));
  const refusals = answers.flatMap((answer) =>
    answer.kind === "refused" ? [answer.refusal.limit] : [],
  );
  return { leases, refusedBy: new Set(refusals) };
}
