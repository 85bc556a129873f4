/**
 * How much is known of a cost. `exact`: the provider counted the tokens and the price is the model's own;
 * `estimated`: one of the two is a guess; `unpriced`: no price is known, which is not the same as free.
 */
export type CostStatus = (typeof costStatuses)[number];
export const costStatuses = ["exact", "estimated", "unpriced"] as const;

/** What a request, or one attempt at it, came to. An unpriced part adds nothing to the amount, and shows in the status. */
export interface Cost {
  readonly nanoUsd: number;
  readonly status: CostStatus;
}

/** The least certain of two. */
export function leastCertain(left: CostStatus, right: CostStatus): CostStatus {
  return costStatuses.indexOf(left) > costStatuses.indexOf(right) ? left : right;
}
