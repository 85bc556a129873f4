import { standardErrors } from "./interval.ts";
import type { Confidence, Interval, Share } from "./interval.ts";

/**
 * The score interval of a rate: on average as sure as it says, also for few trials and rates near 0 and 1.
 * Null without a trial. (Wilson 1927; Newcombe 1998, Statistics in Medicine 17:857, method 3)
 */
export function wilsonInterval(
  { hits, trials }: Share,
  confidence: Confidence = 0.95,
): Interval | null {
  if (trials <= 0) return null;
  const z = standardErrors(confidence);
  const rate = hits / trials;
  const centre = 2 * hits + z ** 2;
  const spread = z * Math.sqrt(z ** 2 + 4 * hits * (1 - rate));
  const scale = 2 * (trials + z ** 2);
  // Where everything or nothing was a hit the end is known, and rounding must not move it.
  return {
    low: hits === 0 ? 0 : (centre - spread) / scale,
    high: hits === trials ? 1 : (centre + spread) / scale,
  };
}
