/**
 * What work of one kind may cost in a UTC day. Whoever is about to spend reserves the most that it can be, so that no cap
 * is ever exceeded, by however many workers; what dies in between stays reserved until the day is over.
 */
export interface DayCaps {
  /**
   * Reserves under all of these caps, or under none; resolves to the index of the first that has no room, or undefined:
   * reserved. Rejects with `store_unavailable`.
   */
  reserve(
    day: string,
    caps: readonly { readonly id: string; readonly limit: CapLimit }[],
    amount: CapAmount,
  ): Promise<number | undefined>;
  /** What was used in place of what was reserved. Rejects with `store_unavailable`; what was reserved stays then. */
  settle(
    day: string,
    ids: readonly string[],
    reserved: CapAmount,
    used: CapAmount,
  ): Promise<undefined>;
  /** Spent and reserved under each cap of a day, for people and metrics. */
  spent(day: string): Promise<readonly ({ readonly id: string } & CapAmount)[]>;
}

export interface CapAmount {
  readonly nanoUsd: number;
  readonly tokens: number;
}

/** Undefined: without limit. */
export interface CapLimit {
  readonly nanoUsd: number | undefined;
  readonly tokens: number | undefined;
}
