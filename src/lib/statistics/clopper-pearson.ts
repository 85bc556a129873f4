import { betaQuantile } from "./beta.ts";
import type { Interval, Share } from "./interval.ts";

/**
 * The two-sided interval of a rate that is never too narrow, and for that mostly a little too wide: each end is the
 * rate at which so many hits, or so few, would be seen with half of what is left of the confidence.
 * (Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial")
 */
export function clopperPearsonInterval({ hits, trials }: Share, confidence: number): Interval {
  const tail = (1 - confidence) / 2;
  const misses = trials - hits;
  return {
    low: hits <= 0 ? 0 : betaQuantile(tail, { a: hits, b: misses + 1 }),
    high: misses <= 0 ? 1 : betaQuantile(1 - tail, { a: hits + 1, b: misses }),
  };
}
