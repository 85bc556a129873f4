import { standardErrors } from "./interval.ts";
import type { Confidence, Interval } from "./interval.ts";
import type { Moments } from "./moments.ts";

export interface MeanEstimate extends Interval {
  readonly mean: number;
}

/**
 * The mean that humans would come to, of things that only a judge has seen: the judge's mean, moved by what humans said
 * more than it where both have judged. Right however wrong the judge is, only wider the worse it is, as long as the
 * things that humans judged are like the others.
 * (Angelopoulos, Bates, Fannjiang, Jordan and Zrnic 2023, "Prediction-powered inference", Science 382:669, algorithm 1)
 */
export function predictionPoweredMean(
  { judged, differences }: { readonly judged: Moments; readonly differences: Moments },
  confidence: Confidence = 0.95,
): MeanEstimate {
  const mean = judged.mean + differences.mean;
  const error = Math.sqrt(
    judged.variance / judged.count + differences.variance / differences.count,
  );
  const margin = standardErrors(confidence) * error;
  return { mean, low: mean - margin, high: mean + margin };
}
