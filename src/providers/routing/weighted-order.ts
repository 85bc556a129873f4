import { hash } from "node:crypto";

/**
 * Positions of the weights in an order without replacement, in which each comes first in proportion to its
 * weight. `drawFor` gives a number in (0, 1) for each: random, or made from a hash. With a hash of conversation
 * and target this is weighted rendezvous hashing: what goes away or comes back moves only its own.
 * (Efraimidis and Spirakis, Weighted random sampling with a reservoir, 2006; RFC draft-ietf-bess-weighted-hrw)
 * A weight of 0 comes after all others, in the order as written.
 */
export function weightedOrder(
  weights: readonly number[],
  drawFor: (index: number) => number,
): readonly number[] {
  return weights
    .map((weight, index) => ({
      index,
      score: weight === 0 ? Number.POSITIVE_INFINITY : -Math.log(drawFor(index)) / weight,
    }))
    .sort((left, right) => (left.score === right.score ? 0 : left.score - right.score))
    .map(({ index }) => index);
}

/** A number in (0, 1) that is the same each time, on every replica, and as good as random otherwise. */
export function drawFromHash(conversationHash: string, name: string): number {
  const bits = Number.parseInt(hash("sha256", `${conversationHash}\n${name}`).slice(0, 12), 16);
  return (bits + 0.5) / 2 ** 48;
}

/** The same from a source of numbers in [0, 1): 0 would have no logarithm. */
export function drawFromRandom(random: () => number): number {
  return 1 - random();
}
