import { expectedTokens } from "../prices/expected-tokens.ts";
import { picoUsdOf } from "../prices/quote.ts";
import { ranked } from "./ranking.ts";
import type { Candidate, Rank } from "./ranking.ts";

/** What costs least for this very request first; of equal ones the first as written; an unknown price last. */
export const rankByCost =
  (candidates: readonly Candidate[]): Rank =>
  (call) => {
    const usage = { ...expectedTokens(call), ...nothingSpecial };
    const priced = candidates.map((candidate) => {
      const quote = candidate.quote();
      return { candidate, cost: quote && picoUsdOf(quote, usage) };
    });
    priced.sort((left, right) => compareCosts(left.cost, right.cost));
    return ranked(priced.map(({ candidate }) => candidate));
  };

const nothingSpecial = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };

function compareCosts(left: bigint | undefined, right: bigint | undefined): number {
  if (left === right) return 0;
  if (left === undefined) return 1;
  if (right === undefined) return -1;
  return left < right ? -1 : 1;
}
