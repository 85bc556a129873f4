/** What two raters said of one thing: the places of their labels in a list. */
export type Rating = readonly [number, number];

/**
 * How much a disagreement counts: `none`, each the same (Cohen 1960); `quadratic`, by the square of how many labels
 * lie between, for labels in an order (Cohen 1968, Fleiss and Cohen 1973).
 */
export type Weighting = "none" | "quadratic";

/**
 * Cohen's κ: how far two raters agree beyond what they would by chance, from what each says how often. 1 is always,
 * 0 no more than chance, below it less. Null where chance alone agrees always, because both only ever said one
 * label: whether they can agree on anything was not seen. Null of nothing.
 */
export function kappa(
  ratings: readonly Rating[],
  { labels, weighting = "none" }: { readonly labels: number; readonly weighting?: Weighting },
): number | null {
  const counts = new AgreementCounts(labels, weighting);
  for (const [a, b] of ratings) counts.add(a, b);
  return counts.kappa();
}

/** The table that κ is worked out from, kept so that thousands of resamples need one. */
export class AgreementCounts {
  readonly #labels: number;
  readonly #weighting: Weighting;
  readonly #cells: Float64Array;
  readonly #rows: Float64Array;
  readonly #columns: Float64Array;
  #total = 0;

  constructor(labels: number, weighting: Weighting) {
    this.#labels = labels;
    this.#weighting = weighting;
    this.#cells = new Float64Array(labels * labels);
    this.#rows = new Float64Array(labels);
    this.#columns = new Float64Array(labels);
  }

  clear(): void {
    this.#cells.fill(0);
    this.#rows.fill(0);
    this.#columns.fill(0);
    this.#total = 0;
  }

  add(a: number, b: number, times = 1): void {
    const cell = a * this.#labels + b;
    this.#cells[cell] = (this.#cells[cell] ?? 0) + times;
    this.#rows[a] = (this.#rows[a] ?? 0) + times;
    this.#columns[b] = (this.#columns[b] ?? 0) + times;
    this.#total += times;
  }

  /** As 1 - seen / expected disagreement, which is the same as the familiar form and has one for both weightings. */
  kappa(): number | null {
    let seen = 0;
    let expected = 0;
    for (let a = 0; a < this.#labels; a++) {
      for (let b = 0; b < this.#labels; b++) {
        const weight = this.#weighting === "none" ? Number(a !== b) : (a - b) ** 2;
        seen += weight * (this.#cells[a * this.#labels + b] ?? 0);
        expected += weight * (this.#rows[a] ?? 0) * (this.#columns[b] ?? 0);
      }
    }
    return expected === 0 ? null : 1 - (seen * this.#total) / expected;
  }
}
