/** So many counts are remembered; the next one takes the place of the oldest. */
const countsMax = 128;
/** The percentile is worked out anew after so many: it takes 5 µs. */
const countsPerUpdate = 8;

/** The last counts, of which 19 in 20 are within the 95th percentile. */
export class RecentCounts {
  readonly #counts = new Uint32Array(countsMax);
  #added = 0;
  #percentile95 = 0;
  #addedAtUpdate = 0;

  add(count: number): void {
    this.#counts[this.#added++ % countsMax] = count;
  }

  /** How many there have been, those forgotten included. */
  get count(): number {
    return this.#added;
  }

  /** Of the last ones, as they were at most `countsPerUpdate` counts ago; 0 where there are none. */
  get percentile95(): number {
    if (this.#addedAtUpdate === 0 || this.#added - this.#addedAtUpdate >= countsPerUpdate) {
      this.#addedAtUpdate = this.#added;
      const sorted = this.#counts.slice(0, Math.min(this.#added, countsMax)).sort();
      this.#percentile95 = sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0;
    }
    return this.#percentile95;
  }
}
