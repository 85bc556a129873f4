import { seededRandom } from "../../tests/support/seeded-random.ts";

/** The same things in an order of its own for each seed. */
export function shuffled<T>(things: readonly T[], seed: number): T[] {
  const random = seededRandom(seed);
  const drawn = things.map((thing) => ({ thing, at: random() }));
  return drawn.sort((left, right) => left.at - right.at).map(({ thing }) => thing);
}
