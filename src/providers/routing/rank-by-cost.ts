import { costOf, expectedTokens } from "../prices/price.ts";
import { ranked } from "./ranking.ts";
import type { Candidate, Rank } from "./ranking.ts";

/** What costs least for this very request first; of equal ones the first as written; an unknown price last. */
export const rankByCost =
  (candidates: readonly Candidate[]): Rank =>
  (call) => {
    const tokens = expectedTokens(call);
    const priced = candidates.map((candidate) => ({
      candidate,
      cost: candidate.price === undefined ? undefined : costOf(candidate.price, tokens),
    }));
    priced.sort((left, right) => compareCosts(left.cost, right.cost));
    return ranked(priced.map(({ candidate }) => candidate));
  };

function compareCosts(left: bigint | undefined, right: bigint | undefined): number {
  if (left === right) return 0;
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  return left < right ? -1 : 1;
}
