import { isErrorWithin, trialsNeeded } from "./error-bound.ts";

/** What share of hits may be wrong, and how sure that has to be. */
export interface ErrorLimit {
  readonly errorMax: number;
  readonly confidence: number;
}

/** What was seen of one step of the score. */
export interface Step {
  /** Labels: how many, and how many of them "wrong". */
  trials: number;
  errors: number;
  /** Requests whose score fell here, labelled or not. */
  traffic: number;
}

/** Steps are a tenth of log-odds wide; step 0 ends a score of -8 and less, the last one begins at 12. */
const stepsPerUnit = 10;
const lowestScore = -8;
const highestScore = 12;
export const stepsMax = (highestScore - lowestScore) * stepsPerUnit + 1;

export function stepOf(score: number): number {
  const bounded = Math.max(lowestScore, Math.min(highestScore, score));
  return Math.floor((bounded - lowestScore) * stepsPerUnit + 1e-9);
}

/** So many labels make a stratum: fewer say too little of their share of errors to be weighed. */
const stratumTrialsMin = 20;

/**
 * The walk begins with so many times the labels that suffice without an error, so that one error does not end it. With 3
 * orders of the same questions are served more alike, and in one of 27 fewer than 98 % of 2 %'s hits were right; with 2 in none.
 */
const firstTestFactor = 2;

/**
 * The lowest step from which up hits may be served: undefined for none. A walk down from the highest score, which goes
 * on while the upper bound of the error of all that lies above is within the limit and ends for good where it
 * is not (fixed-sequence testing: no step is tested because it happens to look well).
 *
 * Labels are no even sample: what would be a hit is labelled at 5 %, what is below at 100 %. So each stratum's share
 * of errors counts by the requests that fell into it, and the bound takes the number of even labels that would tell as
 * much (Korn and Graubard 1998, "Confidence intervals for proportions with small expected number of
 * positive counts estimated from survey data"). With an even sample this is Clopper and Pearson's bound itself.
 */
export function lowestSafeStep(
  steps: readonly (Step | undefined)[],
  limit: ErrorLimit,
): number | undefined {
  const needed = trialsNeeded(limit.errorMax, limit.confidence);
  const strata = strataOf(steps);
  let safe: number | undefined;
  const above: Sums = { trials: 0, traffic: 0, variance: 0, wrong: 0 };
  for (const [at, stratum] of strata.entries()) {
    add(above, stratum);
    const trials = Math.min(above.trials, above.traffic ** 2 / above.variance);
    const isLast = at === strata.length - 1;
    const isFirstTest = safe === undefined;
    if (trials < needed || (isFirstTest && !isLast && trials < needed * firstTestFactor)) continue;
    const errors = (above.wrong / above.traffic) * trials;
    if (!isErrorWithin({ errors, trials }, limit)) return safe;
    safe = stratum.lowestStep;
  }
  return safe;
}

/** The score at which a step begins. */
export const scoreAtStep = (step: number): number => lowestScore + step / stepsPerUnit;

interface Stratum extends Readonly<Step> {
  readonly lowestStep: number;
}

/** From the highest score down. */
function strataOf(steps: readonly (Step | undefined)[]): readonly Stratum[] {
  const strata: Stratum[] = [];
  let open: Step = { trials: 0, errors: 0, traffic: 0 };
  let lowestLabelled: number | undefined;
  for (let at = steps.length - 1; at >= 0; at--) {
    const step = steps[at];
    if (step === undefined) continue;
    open.traffic += step.traffic;
    if (step.trials === 0) continue;
    open.trials += step.trials;
    open.errors += step.errors;
    lowestLabelled = at;
    if (open.trials < stratumTrialsMin) continue;
    strata.push({ ...open, lowestStep: at });
    open = { trials: 0, errors: 0, traffic: 0 };
    lowestLabelled = undefined;
  }
  if (lowestLabelled !== undefined) strata.push({ ...open, lowestStep: lowestLabelled });
  return strata;
}

interface Sums {
  trials: number;
  traffic: number;
  /** Of traffic² / trials: what the sum of weighted shares varies by. */
  variance: number;
  wrong: number;
}

function add(sums: Sums, { trials, errors, traffic }: Stratum): void {
  // Labels that another process sent are of requests that were not counted here.
  const weight = Math.max(traffic, 1);
  sums.trials += trials;
  sums.traffic += weight;
  sums.variance += weight ** 2 / trials;
  sums.wrong += (weight * errors) / trials;
}
