/** Vectors are of length 1 (`Embedder` makes them so): their dot product is the cosine of the angle between them. */

/**
 * The similarity of `asked` and the vector that begins at `offset` of `vectors`. Runs once per vector and look-up;
 * four sums, because one would make every addition wait for the one before.
 */
export function similarityAt(asked: Float32Array, vectors: Float32Array, offset: number): number {
  const { length } = asked;
  const evenLength = length - (length % 4);
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  let at = 0;
  for (; at < evenLength; at += 4) {
    const other = offset + at;
    sum0 += (asked[at] ?? 0) * (vectors[other] ?? 0);
    sum1 += (asked[at + 1] ?? 0) * (vectors[other + 1] ?? 0);
    sum2 += (asked[at + 2] ?? 0) * (vectors[other + 2] ?? 0);
    sum3 += (asked[at + 3] ?? 0) * (vectors[other + 3] ?? 0);
  }
  return sum0 + sum1 + (sum2 + sum3) + productFrom(at, asked, vectors, offset);
}

/** Of what is left where the length is no multiple of four. */
function productFrom(
  first: number,
  asked: Float32Array,
  vectors: Float32Array,
  offset: number,
): number {
  let sum = 0;
  for (let at = first; at < asked.length; at++)
    sum += (asked[at] ?? 0) * (vectors[offset + at] ?? 0);
  return sum;
}

export interface Scored {
  readonly place: number;
  readonly similarity: number;
}

/** The best `count` seen so far, best first; of two that are equal the one that came first. */
export class Nearest {
  readonly found: Scored[] = [];
  readonly #count: number;

  constructor(count: number) {
    this.#count = count;
  }

  /** Whether it would be kept: most are not, and need not be looked at any further. */
  isAmong(similarity: number): boolean {
    const { found } = this;
    return found.length < this.#count || similarity > (found.at(-1)?.similarity ?? 0);
  }

  offer(place: number, similarity: number): void {
    const { found } = this;
    const last = found.at(-1);
    if (found.length >= this.#count) {
      if (last === undefined || similarity <= last.similarity) return;
      found.pop();
    }
    let at = found.length;
    while (at > 0 && (found[at - 1]?.similarity ?? 0) < similarity) at--;
    found.splice(at, 0, { place, similarity });
  }
}
