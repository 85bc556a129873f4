/**
 * Numbers in [0, 1) that are the same each time, so that a report repeats: mulberry32, which is even enough to draw
 * samples with, and good for nothing secret.
 * (https://gist.github.com/tommyettinger/46a874533244883189143505d203312c, public domain)
 */
export function seededRandom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
