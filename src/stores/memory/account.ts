import { periodEndMs, periodIdsOf, periodKinds } from "../../pipeline/limits/budget-periods.ts";
import type { PeriodId } from "../../pipeline/limits/budget-periods.ts";
import { neverDrawnMs } from "../../pipeline/limits/gcra.ts";

/** What is counted of a tenant as a whole, or of one of its keys. */
export interface Account {
  /** When its buckets will be full again, by the ticking clock. */
  requestsFullMs: number;
  tokensFullMs: number;
  /** Requests that run. */
  running: number;
  /** One a period, and no more periods than hold now, or did a moment ago. */
  readonly periods: Period[];
}

/** Counted whether or not there is a budget: one that is set later must know. */
export interface Period {
  readonly id: PeriodId;
  /** Infinite for `total`. */
  readonly endEpochMs: number;
  spentNanoUsd: bigint;
  heldNanoUsd: bigint;
}

export const newAccount = (): Account => ({
  requestsFullMs: neverDrawnMs,
  tokensFullMs: neverDrawnMs,
  running: 0,
  periods: [],
});

/** The account's periods that an instant is in, in the order of `periodKinds`. */
export function periodsAt(account: Account, epochMs: number): readonly Period[] {
  return periodIdsOf(epochMs).map((id, index) => {
    const known = account.periods.find((period) => period.id === id);
    if (known !== undefined) return known;
    const kind = periodKinds[index] ?? "total";
    const period: Period = {
      id,
      endEpochMs: periodEndMs(kind, epochMs) ?? Number.POSITIVE_INFINITY,
      spentNanoUsd: 0n,
      heldNanoUsd: 0n,
    };
    account.periods.push(period);
    return period;
  });
}

/** A request may be admitted so long after it began: until then a period that is over still matters. */
const afterlifeMs = 3_600_000;

/** Drops what says nothing any more. True if nothing is left of the account. */
export function tidy(account: Account, now: { readonly tickMs: number; readonly epochMs: number }) {
  if (account.running > 0) return false;
  for (let at = account.periods.length - 1; at >= 0; at -= 1) {
    const period = account.periods[at];
    if (period === undefined) continue;
    const isOver = period.endEpochMs + afterlifeMs <= now.epochMs;
    if (isOver || period.spentNanoUsd === 0n) account.periods.splice(at, 1);
  }
  const areBucketsFull = Math.max(account.requestsFullMs, account.tokensFullMs) <= now.tickMs;
  return areBucketsFull && account.periods.length === 0;
}
