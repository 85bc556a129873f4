export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** How often something was seen of the times that it might have been. */
export interface Share {
  readonly hits: number;
  readonly trials: number;
}

/** How sure a two-sided interval is. */
export type Confidence = 0.9 | 0.95 | 0.99;

/** So many standard errors to each side of the mean hold that share of a normal distribution. */
export const standardErrors = (confidence: Confidence): number => quantiles[confidence];

const quantiles = {
  0.9: 1.6448536269514722,
  0.95: 1.959963984540054,
  0.99: 2.5758293035489004,
} as const;
