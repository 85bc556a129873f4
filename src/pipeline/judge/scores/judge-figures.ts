import type { Interval } from "../../../lib/statistics/interval.ts";
import type { Moments } from "../../../lib/statistics/moments.ts";
import { errorsAround } from "../../../lib/statistics/student.ts";
import { wilsonInterval } from "../../../lib/statistics/wilson.ts";
import { scoreUnit, squareUnit } from "./judge-sums.ts";
import type { JudgeSums } from "./judge-sums.ts";

/**
 * What sums say of the scores of the plain sample: all from the sums, as nobody keeps the scores by themselves. Null is not
 * known, or not defined.
 */
export interface ScoreFigures {
  readonly moments: Moments | null;
  /**
   * 95 %, by Student's t, within 0 and 1; of scores that are all the same Wilson's, which is too wide for
   * anything between 0 and 1, and not of no width. Null below two scores.
   */
  readonly interval: Interval | null;
  /** Pearson's r of score and length; null below three scores, and where one of the two never changes. */
  readonly lengthCorrelation: number | null;
}

export function scoreFigures(sums: JudgeSums): ScoreFigures {
  const { sampled, score_millionths: scores } = sums;
  if (sampled === 0n) return { moments: null, interval: null, lengthCorrelation: null };
  const count = Number(sampled);
  const mean = Number(scores) / scoreUnit / count;
  const variance = count < 2 ? 0 : scoreSpread(sums) / 1e12 / count / (count - 1);
  return {
    moments: { count, mean, variance },
    interval: count < 2 ? null : intervalOf({ count, mean, variance }),
    lengthCorrelation: count < 3 ? null : lengthCorrelation(sums),
  };
}

/** What people said beside the judge, of the same answers. */
export interface PairFigures {
  readonly count: number;
  readonly humanMean: number;
  readonly judgeMean: number;
  /** Of human − judge. */
  readonly meanDifference: number;
  readonly rootMeanSquareDifference: number;
  /** The share in which both are on the same side of the middle. */
  readonly agreement: number;
}

export function pairFigures(sums: JudgeSums): PairFigures | null {
  if (sums.pairs === 0n) return null;
  const count = Number(sums.pairs);
  const humanMean = Number(sums.pair_human_millionths) / scoreUnit / count;
  const judgeMean = Number(sums.pair_judge_millionths) / scoreUnit / count;
  return {
    count,
    humanMean,
    judgeMean,
    meanDifference: humanMean - judgeMean,
    rootMeanSquareDifference: Math.sqrt(Number(sums.pair_difference_squares) / squareUnit / count),
    agreement: Number(sums.pair_agreements) / count,
  };
}

/** Of all evaluations; null where nobody gave a score. */
export const feedbackMean = ({ feedback_scored: count, feedback_millionths: sum }: JudgeSums) =>
  count === 0n ? null : Number(sum) / scoreUnit / Number(count);

function intervalOf({ count, mean, variance }: Moments): Interval | null {
  if (variance <= varianceMin) return wilsonInterval({ hits: mean * count, trials: count });
  const reach = errorsAround(count, 0.95) * Math.sqrt(variance / count);
  return { low: Math.max(0, mean - reach), high: Math.min(1, mean + reach) };
}

/** n Σ(x − x̄)² in millionths squared, reckoned in whole numbers: nothing is lost by taking large ones from another. */
function scoreSpread({ sampled, score_millionths: scores, score_squares: squares }: JudgeSums) {
  return Math.max(0, Number(sampled * squares * 1_000n - scores * scores));
}

/** Each square is rounded to a billionth: scores that vary by less do not vary. */
const varianceMin = 1e-9;

function lengthCorrelation(sums: JudgeSums): number | null {
  const { sampled, score_millionths: scores, characters, character_squares: squares } = sums;
  const scoreVaries = scoreSpread(sums);
  const lengthVaries = Number(sampled * squares - characters * characters);
  const isConstant = scoreVaries <= varianceMin * 1e12 * Number(sampled) ** 2;
  if (isConstant || lengthVaries <= 0) return null;
  const together = Number(sampled * sums.score_characters * 100n - scores * characters);
  return Math.max(-1, Math.min(1, together / Math.sqrt(scoreVaries) / Math.sqrt(lengthVaries)));
}
