/**
 * What is added up of evaluations and feedback. Every sum is a whole number from 0, and its units are chosen so that a
 * billion rows cannot reach 2^63: the largest that one row adds is 1e9 (a square of a score) or 4.3e9 (a square of a
 * length, whose bound is `charactersMax`), which a billion times is 1e18 and 4.3e18 of 9.2e18. (Money may be more, as
 * that of requests.)
 */
export type JudgeSums = Readonly<Record<JudgeSum, bigint>>;
export type JudgeSum = (typeof judgeSums)[number];
export const judgeSums = [
  /** Evaluations, each in one of these four: with a score, without one because the question does not apply, … */
  "scored",
  "not_applicable",
  /** … failed for any other reason than the cap, and not asked for because of the day's cap. */
  "failed",
  "capped",
  /**
   * Of those with a score, the ones that the plain sample chose; the next five sums are of these alone. Complaints and
   * broken answers are judged more often than others: with them in it, a mean would be that of no traffic.
   */
  "sampled",
  /** In millionths. */
  "score_millionths",
  /** Squares of scores, in billionths, each rounded. */
  "score_squares",
  /** The lengths of the answers, in UTF-16 units, and their squares. */
  "characters",
  "character_squares",
  /** Score times length, in ten-thousandths of a character, each rounded. */
  "score_characters",
  /** Of those with a score: judged by a model of the same family. */
  "same_family",
  /** Whose first answer was no verdict, and the second was. */
  "repaired",
  "cost_nano_usd",
  /** What people said; of it, what has a score; and their sum, in millionths. */
  "feedback",
  "feedback_scored",
  "feedback_millionths",
  /** Answers that both a person and this evaluator gave a score: the sums of both, in millionths. */
  "pairs",
  "pair_judge_millionths",
  "pair_human_millionths",
  /** (human − judge)², in billionths, each rounded. */
  "pair_difference_squares",
  /** Both on the same side of the middle. */
  "pair_agreements",
] as const;

export const scoreUnit = 1e6;
export const squareUnit = 1e9;
export const scoreCharactersUnit = 1e4;

/** A longer answer counts as one of this length: 16 bits, whose square is 32. */
export const charactersMax = 65_535;

/** From here on a score is a good one. */
export const scoreMiddle = 0.5;

export const judgeDimensions = [
  "day",
  "evaluator",
  "evaluator_version",
  "judge_model",
  "model",
  "served_model",
  "provider",
  "key",
] as const;
export type JudgeDimension = (typeof judgeDimensions)[number];

export interface JudgeQuery {
  readonly tenantId: string;
  /** Days that begin in [fromMs, toMs), milliseconds since 1970: an evaluation is of the day on which its request began. */
  readonly fromMs: number;
  readonly toMs: number;
  readonly groupBy: readonly JudgeDimension[];
}

export interface JudgeRow {
  /** The values of the dimensions asked for: `day` as `2026-11-21`; empty where there is none. */
  readonly group: Readonly<Partial<Record<JudgeDimension, string>>>;
  readonly sums: JudgeSums;
}

/** What the sums know the evaluators of a tenant's day as, beyond the first hundred. */
export const otherEvaluator = "_other";
export const evaluatorsPerDayMax = 100;

export const noJudgeSums = (): Record<JudgeSum, bigint> =>
  // The one place that makes the type: every name is there.
  Object.fromEntries(judgeSums.map((sum) => [sum, 0n])) as Record<JudgeSum, bigint>;
