import type { Conversation } from "../conversation.ts";
import type { Ranking } from "../policies/first-of.ts";
import type { ConversationHomes } from "./conversation-homes.ts";
import { inOrder, ranked, withFirst } from "./ranking.ts";
import type { Candidate, Rank, RankingTools } from "./ranking.ts";
import { drawFromHash, drawFromRandom, weightedOrder } from "./weighted-order.ts";

/**
 * Each target first in proportion to its weight. A conversation comes to the same one each time: the one that
 * its hash draws, or the one that answered its first turn if that was too short to be placed by it.
 */
export const rankByWeight =
  (candidates: readonly Candidate[], { homes, random }: RankingTools): Rank =>
  ({ conversation }) => {
    if (!conversation.isSticky) {
      const order = weightedOrder(weightsOf(candidates), () => drawFromRandom(random));
      return ranked(inOrder(candidates, order), settler(conversation, homes));
    }
    const home = homes.get(conversation.hash);
    return ranked(withFirst(byHash(candidates, conversation.hash), home));
  };

/** Weighted rendezvous hashing. */
export function byHash(
  candidates: readonly Candidate[],
  conversationHash: string,
): readonly Candidate[] {
  const order = weightedOrder(weightsOf(candidates), (index) =>
    drawFromHash(conversationHash, candidates[index]?.drawName ?? ""),
  );
  return inOrder(candidates, order);
}

/** Notes where a first turn was answered, so that the next one follows. */
export function settler(conversation: Conversation, homes: ConversationHomes): Ranking["onServed"] {
  if (!conversation.isOpening) return undefined;
  return ({ name }) => {
    homes.set(conversation.hash, name);
  };
}

const weightsOf = (candidates: readonly Candidate[]): readonly number[] =>
  candidates.map(({ weight }) => weight);
