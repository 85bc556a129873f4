import { predictionPoweredMean } from "../../../lib/statistics/prediction-powered.ts";
import type { MeanEstimate } from "../../../lib/statistics/prediction-powered.ts";
import { roganGladen } from "../../../lib/statistics/rogan-gladen.ts";
import type { Moments } from "../../../lib/statistics/moments.ts";
import type { CalibrationReport } from "./calibration-report.ts";

/** What humans would probably say on average, where only the judge has. */
export interface CorrectedMean extends MeanEstimate {
  readonly method: "rogan-gladen" | "prediction-powered";
  /** Whether the mean or an end of its 95 % interval was beyond 0 or 1, and was set to that. */
  readonly is_clipped: boolean;
}

/**
 * Corrects the mean of a judge's scores by what its calibration says of its errors. A judge of yes and no is corrected by
 * how often it is wrong of either kind, which holds also where the labelled items are of another mixture than the
 * traffic; any other one by the mean difference to humans, which holds where the labelled items are like the traffic.
 *
 * Null where that is not known: fewer than 20 labelled items (or five of either kind), or a judge that is no better
 * than chance.
 */
export function correctedMean(report: CalibrationReport, judged: Moments): CorrectedMean | null {
  if (judged.count === 0 || (report.scores?.count ?? 0) < labelledMin) return null;
  return report.binary !== null && isOfZerosAndOnes(judged)
    ? clipped(byErrors(report.binary, judged), "rogan-gladen")
    : clipped(byDifference(report, judged), "prediction-powered");
}

const labelledMin = 20;
const labelledOfEitherMin = 5;

/** Scores that were weighted lie between, and vary less than zeros and ones of the same mean would. */
function isOfZerosAndOnes({ count, mean, variance }: Moments): boolean {
  const most = mean * (1 - mean) * (count > 1 ? count / (count - 1) : 0);
  return most - variance <= 1e-3 * most + 1e-6;
}

function byErrors(
  binary: NonNullable<CalibrationReport["binary"]>,
  { count, mean }: Moments,
): MeanEstimate | null {
  const positives = binary.true_positives + binary.false_negatives;
  const negatives = binary.true_negatives + binary.false_positives;
  if (Math.min(positives, negatives) < labelledOfEitherMin) return null;
  const seen = { hits: mean * count, trials: count };
  return roganGladen(seen, {
    sensitivity: { hits: binary.true_positives, trials: positives },
    specificity: { hits: binary.true_negatives, trials: negatives },
  });
}

function byDifference({ scores }: CalibrationReport, judged: Moments): MeanEstimate | null {
  if (scores === null) return null;
  const { count, difference_mean: mean, difference_variance: seen } = scores;
  // What rounding leaves of none is none.
  const variance = seen < 1e-12 ? unseenVariance(count) : seen;
  return predictionPoweredMean({ judged, differences: { count, mean, variance } });
}

/**
 * Where of so many items none was unlike the others, up to three in so many may be (95 %), and by as much as 1.
 * (Hanley and Lippman-Hand 1983, "If nothing goes wrong, is everything all right?")
 */
const unseenVariance = (count: number): number => 3 / count;

function clipped(
  estimate: MeanEstimate | null,
  method: CorrectedMean["method"],
): CorrectedMean | null {
  if (estimate === null) return null;
  const { mean, low, high } = estimate;
  const within = (value: number): number => Math.max(0, Math.min(1, value));
  const is_clipped = [mean, low, high].some((value) => value !== within(value));
  return { mean: within(mean), low: within(low), high: within(high), method, is_clipped };
}
