import { standardErrors } from "./interval.ts";
import type { Confidence, Share } from "./interval.ts";
import type { MeanEstimate } from "./prediction-powered.ts";

/** How good a yes-or-no judge was where the truth was known. */
export interface KnownErrors {
  /** Of what is positive, how much it calls so. */
  readonly sensitivity: Share;
  /** Of what is negative, how much it calls so. */
  readonly specificity: Share;
}

/**
 * The true share of positives, from how many an imperfect judge calls so: (rate + specificity - 1) / (sensitivity +
 * specificity - 1), not clipped. (Rogan and Gladen 1978, American Journal of Epidemiology 107:71)
 *
 * The interval is by the delta method, with all three rates uncertain, and for that each moved a little towards the
 * middle, as Agresti and Coull did: without it a judge that made no mistake in fifty would count as one that never does.
 * (Lang and Reiczigel 2014, Preventive Veterinary Medicine 113:13)
 *
 * Null where the judge is no better than chance, and where one of the rates was never seen.
 */
export function roganGladen(
  positives: Share,
  { sensitivity, specificity }: KnownErrors,
  confidence: Confidence = 0.95,
): MeanEstimate | null {
  if ([positives, sensitivity, specificity].some(({ trials }) => trials <= 0)) return null;
  const power = rateOf(sensitivity) + rateOf(specificity) - 1;
  const z = standardErrors(confidence);
  const [seen, sens, spec] = [
    moved(positives, z ** 2),
    moved(sensitivity, 2),
    moved(specificity, 2),
  ];
  const movedPower = sens.rate + spec.rate - 1;
  if (power <= 0 || movedPower <= 0) return null;
  const mean = (rateOf(positives) + rateOf(specificity) - 1) / power;
  const share = (seen.rate + spec.rate - 1) / movedPower;
  const sensError = errorOf(sens);
  const specError = errorOf(spec);
  const shift = 2 * z ** 2 * (share * sensError - (1 - share) * specError);
  const variance =
    (errorOf(seen) + share ** 2 * sensError + (1 - share) ** 2 * specError) / movedPower ** 2;
  const margin = z * Math.sqrt(variance);
  const middle = share + shift;
  return { mean, low: Math.min(mean, middle - margin), high: Math.max(mean, middle + margin) };
}

const rateOf = ({ hits, trials }: Share): number => hits / trials;

interface MovedRate {
  readonly rate: number;
  readonly trials: number;
}

/** As if so many trials more had been seen, half of them hits. */
const moved = ({ hits, trials }: Share, extra: number): MovedRate => ({
  rate: (hits + extra / 2) / (trials + extra),
  trials: trials + extra,
});

const errorOf = ({ rate, trials }: MovedRate): number => (rate * (1 - rate)) / trials;
