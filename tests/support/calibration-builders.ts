import type { CalibrationItem } from "../../src/pipeline/judge/calibration/calibration-item.ts";
import type { Scale } from "../../src/pipeline/judge/calibration/compared-item.ts";

/** Labels of evaluators as they are built in, and items of calibrations with what a test does not care about. */

export const rating: Scale = {
  subject: "answer",
  isOrdinal: true,
  labels: [1, 2, 3, 4, 5].map((stars) => ({ label: String(stars), score: (stars - 1) / 4 })),
};

export const yesOrNo: Scale = {
  subject: "answer",
  isOrdinal: false,
  labels: [
    { label: "bad", score: 0 },
    { label: "good", score: 1 },
    { label: "not_applicable", score: null },
  ],
};

export const preference: Scale = {
  subject: "pair",
  isOrdinal: false,
  labels: [
    { label: "second", score: 0 },
    { label: "tie", score: 0.5 },
    { label: "first", score: 1 },
  ],
};

export const equivalence: Scale = {
  subject: "pair",
  isOrdinal: false,
  labels: [
    { label: "different", score: 0 },
    { label: "same", score: 1 },
  ],
};

export const calibrationItem = (fields: Partial<CalibrationItem>): CalibrationItem => ({
  human_label: null,
  human_score: null,
  status: "scored",
  label: null,
  score: null,
  label_swapped: null,
  characters: [],
  ...fields,
});

/** A label that a human gave, and the judge's with its score. */
export const labelled = (scale: Scale, human: string, judge: string): CalibrationItem =>
  calibrationItem({
    human_label: human,
    label: judge,
    score: scale.labels.find(({ label }) => label === judge)?.score ?? null,
  });

export const repeat = <Value>(times: number, value: Value): Value[] =>
  Array.from({ length: times }, () => value);
