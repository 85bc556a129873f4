import { z } from "zod";

import { fraction, listOf, mustBe, oneOf, text, wholeNumber } from "../../../config/field-types.ts";

/** A calibration has no more of them: with its anchors it is one body of the admin API. */
export const calibrationItemsMax = 4_000;

const label = () =>
  text({ pattern: /^[\w.-]{1,64}$/, rule: "must be one of the evaluator's labels" })
    .nullable()
    .default(null);

const score = () => fraction({ min: 0, max: 1 }).nullable().default(null);

/**
 * One thing that a human and a judge have both judged, without its texts. As it is sent and kept; a field that is left
 * out is null.
 */
export const calibrationItemSchema = z
  .strictObject({
    /** At least one of the two. A score is there where several humans did not agree, or nobody gave labels. */
    human_label: label(),
    human_score: score(),
    status: oneOf(["scored", "not_applicable", "failed"]),
    /** What the judge said; of pairs, in the order as given. */
    label: label(),
    /** Of the verdict as a whole. */
    score: score(),
    /** Of pairs, what the judge said in the other order, as a label of the order as given. */
    label_swapped: label(),
    /** In UTF-16 units: of the answer, or of the first and the second; empty where that is not known. */
    characters: listOf(wholeNumber({ min: 0, max: 1_000_000_000 }), { max: 2 })
      .readonly()
      .default([]),
  })
  .refine((item) => item.human_label !== null || item.human_score !== null, {
    error: mustBe("must have a human_label or a human_score"),
  })
  .refine((item) => item.status !== "scored" || item.label !== null || item.score !== null, {
    error: mustBe("is scored, so it must have a label or a score"),
  })
  .readonly();
export type CalibrationItem = z.infer<typeof calibrationItemSchema>;
