import { betaBelow, betaQuantile } from "../../lib/statistics/beta.ts";
import { clopperPearsonInterval } from "../../lib/statistics/clopper-pearson.ts";
import type { Interval } from "../../lib/statistics/interval.ts";

/** How wrong a thing that was seen to fail `errors` times out of `trials` may be. */
export interface Seen {
  readonly errors: number;
  readonly trials: number;
}

/**
 * The one-sided upper bound of an error rate: with this confidence the true rate is no higher.
 * (Clopper and Pearson 1934, "The use of confidence or fiducial limits illustrated in the case of the binomial";
 * it is the quantile of Beta(errors + 1, trials - errors).)
 */
export function errorUpperBound({ errors, trials }: Seen, confidence: number): number {
  if (errors >= trials) return 1;
  return betaQuantile(confidence, { a: errors + 1, b: trials - errors });
}

/**
 * Whether that upper bound is no higher than `errorMax`, without working the bound out: it is, exactly when so few
 * errors would be seen with probability 1 - `confidence` or less if the rate were `errorMax`.
 */
export function isErrorWithin(
  { errors, trials }: Seen,
  { errorMax, confidence }: { readonly errorMax: number; readonly confidence: number },
): boolean {
  if (errors >= trials) return errorMax >= 1;
  if (errorMax <= 0) return false;
  return betaBelow(errorMax, { a: errors + 1, b: trials - errors }) >= confidence;
}

/** The two-sided interval of a rate that was seen `seen.errors` times, Clopper and Pearson again. */
export const rateInterval = ({ errors, trials }: Seen, confidence: number): Interval =>
  clopperPearsonInterval({ hits: errors, trials }, confidence);

/** How many trials without an error it takes until the bound is within `errorMax`: 114 for 2 % at 90 %. */
export function trialsNeeded(errorMax: number, confidence: number): number {
  if (errorMax <= 0) return Number.POSITIVE_INFINITY;
  if (errorMax >= 1) return 1;
  return Math.ceil(Math.log(1 - confidence) / Math.log(1 - errorMax));
}
