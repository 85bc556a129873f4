import { z } from "zod";

const count = () => z.int().min(0);
const share = () => z.number().min(0).max(1);

const kappaSchema = z
  .strictObject({
    /** Null where it is not defined: nothing was judged, or both only ever said one label. */
    value: z.number().max(1).nullable(),
    /** 95 %, by bootstrap. */
    low: z.number().nullable(),
    high: z.number().nullable(),
  })
  .readonly();

const positionSchema = z
  .strictObject({
    /** Pairs that were judged in both orders. */
    pairs: count(),
    agreeing: count(),
    agreement: share().nullable(),
    /** 95 %, Wilson. */
    low: share().nullable(),
    high: share().nullable(),
    /** Of verdicts that prefer one, how many prefer the one that was shown first; .5 is no bias. */
    first_shown_preferred: share().nullable(),
  })
  .readonly();

const lengthSchema = z
  .strictObject({
    /** Of single answers: Spearman's ρ of score and length. */
    judge_correlation: z.number().min(-1).max(1).nullable(),
    human_correlation: z.number().min(-1).max(1).nullable(),
    /** Of pairs: of verdicts that prefer one, how many prefer the longer one. */
    judge_prefers_longer: share().nullable(),
    human_prefers_longer: share().nullable(),
  })
  .readonly();

const scoresSchema = z
  .strictObject({
    count: count(),
    human_mean: share(),
    judge_mean: share(),
    /** Of human - judge, and the sample's variance of it. */
    difference_mean: z.number().min(-1).max(1),
    difference_variance: z.number().min(0),
    /** Pearson's r. */
    correlation: z.number().min(-1).max(1).nullable(),
  })
  .readonly();

const binarySchema = z
  .strictObject({
    true_positives: count(),
    false_negatives: count(),
    true_negatives: count(),
    false_positives: count(),
  })
  .readonly();

/** How well a judge agrees with humans. As it is kept, answered and printed. */
export const calibrationReportSchema = z
  .strictObject({
    items: count(),
    /** Items with a verdict and a human's word that can be compared; all figures below are of these. */
    compared: count(),
    /** The judge came to nothing. */
    failed: count(),
    /** Said by the human, the judge or both that the question does not apply. */
    not_applicable: z.strictObject({ both: count(), human: count(), judge: count() }).readonly(),
    /** The humans' score lies right between two labels, or their label is none of the evaluator's. */
    undecided: count(),
    /** Of pairs the mean of both orders. Null where nothing was compared, and for scores without labels. */
    accuracy: share().nullable(),
    weighting: z.enum(["none", "quadratic"]),
    /** Of pairs, in the order as given only. */
    kappa: kappaSchema,
    /** Of pairs: both orders' verdicts together. */
    kappa_both_orders: kappaSchema.nullable(),
    /** Of pairs: the verdict as it counts, where two orders that disagree are a tie, or do not say the same. */
    kappa_verdict: kappaSchema.nullable(),
    position: positionSchema.nullable(),
    length: lengthSchema.nullable(),
    scores: scoresSchema.nullable(),
    /** Of evaluators that only say 0 or 1: positive is 1. */
    binary: binarySchema.nullable(),
    resamples: count(),
    seed: z.int(),
  })
  .readonly();
export type CalibrationReport = z.infer<typeof calibrationReportSchema>;
export type KappaReport = z.infer<typeof kappaSchema>;
export type PositionReport = z.infer<typeof positionSchema>;
export type LengthReport = z.infer<typeof lengthSchema>;
export type ScoresReport = z.infer<typeof scoresSchema>;
export type BinaryReport = z.infer<typeof binarySchema>;
