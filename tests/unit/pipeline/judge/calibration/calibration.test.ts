import fc from "fast-check";
import { expect, test } from "vitest";

import { calibrationOf } from "../../../../../src/pipeline/judge/calibration/calibration.ts";
import type { CalibrationItem } from "../../../../../src/pipeline/judge/calibration/calibration-item.ts";
import { calibrationReportSchema } from "../../../../../src/pipeline/judge/calibration/calibration-report.ts";
import {
  calibrationItem,
  equivalence,
  labelled,
  preference,
  rating,
  repeat,
  yesOrNo,
} from "../../../../support/calibration-builders.ts";

const pair = (human: string, given: string, swapped: string, characters: number[] = []) =>
  calibrationItem({ human_label: human, label: given, label_swapped: swapped, characters });

test("of pairs accuracy counts both orders, and kappa the order as given", () => {
  const items = [
    ...repeat(4, pair("first", "first", "first")),
    pair("first", "second", "second"),
    ...repeat(4, pair("second", "second", "second")),
    pair("second", "second", "first"),
  ];
  const report = calibrationOf({ evaluator: preference, items });
  expect(report.accuracy).toBeCloseTo(17 / 20, 12);
  expect(report.kappa.value).toBeCloseTo(0.8, 12);
  // Both orders: 17 of 20 agree; people say each ten times, the judge first 9 times.
  expect(report.kappa_both_orders?.value).toBeCloseTo((0.85 - 0.5) / 0.5, 12);
  // As a tie the flipped one agrees with nothing: 8 of 10, expected .5 · .4 + .5 · .5.
  expect(report.kappa_verdict?.value).toBeCloseTo((0.8 - 0.45) / 0.55, 12);
  expect(report.position).toMatchObject({ pairs: 10, agreeing: 9, agreement: 0.9 });
  expect(report.position?.first_shown_preferred).toBeCloseTo(9 / 20, 12);
});

test("a judge that always prefers the first one shown agrees with nobody, itself included", () => {
  const items = [
    ...repeat(5, pair("first", "first", "second")),
    ...repeat(5, pair("second", "first", "second")),
  ];
  const report = calibrationOf({ evaluator: preference, items });
  expect(report.accuracy).toBe(0.5);
  expect(report.kappa.value).toBe(0);
  expect(report.position).toMatchObject({ agreement: 0, low: 0, first_shown_preferred: 1 });
});

test("whether longer is preferred counts verdicts that prefer one, of outputs that differ in length", () => {
  const items = [
    pair("first", "second", "second", [10, 90]),
    pair("first", "first", "second", [10, 90]),
    pair("first", "first", "tie", [90, 10]),
    pair("second", "first", "first", [50, 50]),
  ];
  const { length } = calibrationOf({ evaluator: preference, items });
  expect(length?.judge_prefers_longer).toBeCloseTo(4 / 5, 12);
  expect(length?.human_prefers_longer).toBeCloseTo(1 / 3, 12);
});

test("of two answers that are the same or not, orders that disagree do not say the same", () => {
  const items = [
    ...repeat(6, pair("same", "same", "same")),
    ...repeat(5, pair("different", "different", "different")),
    pair("different", "same", "different"),
  ];
  const report = calibrationOf({ evaluator: equivalence, items });
  expect(report.kappa_verdict?.value).toBe(1);
  expect(report.position?.first_shown_preferred).toBeNull();
  expect(report.length).toBeNull();
});

test("ratings are compared with quadratic weights, so that a near miss costs little", () => {
  const near = ["1", "2", "3", "4", "5"].map((human) =>
    labelled(rating, human, human === "5" ? "4" : String(Number(human) + 1)),
  );
  const report = calibrationOf({ evaluator: rating, items: near });
  expect(report.weighting).toBe("quadratic");
  expect(report.accuracy).toBe(0);
  // As concordance: 2 · covariance / (variance + variance + difference of means²).
  expect(report.kappa.value).toBeCloseTo((2 * 1.2) / (2 + 1.04 + 0.6 ** 2), 10);
  expect(report.scores?.difference_mean).toBeCloseTo(-0.15, 12);
  expect(report.binary).toBeNull();
});

test("a human's score counts as the nearest label, and one right between two is undecided", () => {
  const judged = { label: "good", score: 1 };
  const items = [1, 0.67, 0.33, 0.5].map((human_score) =>
    calibrationItem({ human_score, ...judged }),
  );
  const report = calibrationOf({ evaluator: yesOrNo, items });
  expect(report).toMatchObject({ items: 4, compared: 3, undecided: 1 });
  expect(report.accuracy).toBeCloseTo(2 / 3, 12);
  expect(report.scores?.human_mean).toBeCloseTo(0.625, 12);
});

test("what failed and what does not apply is counted, and is in no figure", () => {
  const items = [
    labelled(yesOrNo, "good", "good"),
    labelled(yesOrNo, "bad", "bad"),
    calibrationItem({ human_label: "good", status: "failed" }),
    calibrationItem({ human_label: "not_applicable", status: "not_applicable" }),
    calibrationItem({ human_label: "good", status: "not_applicable" }),
    labelled(yesOrNo, "not_applicable", "bad"),
  ];
  expect(calibrationOf({ evaluator: yesOrNo, items })).toMatchObject({
    items: 6,
    compared: 2,
    failed: 1,
    not_applicable: { both: 1, human: 1, judge: 1 },
    accuracy: 1,
    kappa: { value: 1 },
    scores: { count: 2, human_mean: 0.5, judge_mean: 0.5 },
    binary: { true_positives: 1, false_negatives: 0, true_negatives: 1, false_positives: 0 },
  });
});

test("verdicts that were weighted into something between are no yes and no", () => {
  const items = [calibrationItem({ human_label: "good", label: "good", score: 0.93 })];
  expect(calibrationOf({ evaluator: yesOrNo, items }).binary).toBeNull();
});

test("without anything to compare nothing is made up", () => {
  const report = calibrationOf({ evaluator: rating, items: [] });
  expect(report).toMatchObject({
    accuracy: null,
    kappa: { value: null, low: null, high: null },
    scores: null,
  });
  const alike = repeat(30, labelled(yesOrNo, "good", "good"));
  expect(calibrationOf({ evaluator: yesOrNo, items: alike }).kappa.value).toBeNull();
});

test("longer answers that score higher show as a correlation, beside the humans'", () => {
  const items = ["1", "2", "3", "4", "5"].map((judge, at) =>
    calibrationItem({ ...labelled(rating, "3", judge), characters: [100 * (at + 1)] }),
  );
  const { length } = calibrationOf({ evaluator: rating, items });
  expect(length?.judge_correlation).toBeCloseTo(1, 12);
  expect(length?.human_correlation, "who said 3 of all of them").toBeNull();
});

const anyItem: fc.Arbitrary<CalibrationItem> = fc
  .record({
    human_label: fc.constantFrom(null, "first", "second", "tie", "other"),
    human_score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    status: fc.constantFrom("scored", "not_applicable", "failed"),
    label: fc.constantFrom(null, "first", "second", "tie", "other"),
    score: fc.option(fc.double({ min: 0, max: 1, noNaN: true })),
    label_swapped: fc.constantFrom(null, "first", "second", "tie", "other"),
    characters: fc.array(fc.nat(), { maxLength: 2 }),
  })
  .map((item) => ({ ...item }));

test("of any items the report is one that can be kept: no NaN, and shares are shares", () => {
  const evaluators = fc.constantFrom(preference, rating, yesOrNo, equivalence);
  fc.assert(
    fc.property(evaluators, fc.array(anyItem, { maxLength: 12 }), (evaluator, items) => {
      const report = calibrationOf({ evaluator, items, resamples: 20 });
      expect(calibrationReportSchema.parse(JSON.parse(JSON.stringify(report)))).toEqual(report);
      const { compared, failed, not_applicable: not, undecided } = report;
      const sum = compared + failed + undecided + not.both + not.human + not.judge;
      expect(sum).toBe(items.length);
    }),
  );
});

test("the same items and seed give the same report", () => {
  const stars = Array.from({ length: 60 }, (_, at) => [(at % 5) + 1, ((at * at) % 5) + 1] as const);
  const items = stars.map(([human, judge]) => labelled(rating, String(human), String(judge)));
  const run = (seed: number) => calibrationOf({ evaluator: rating, items, seed });
  expect(run(3)).toEqual(run(3));
  expect(run(3).kappa.low).not.toBe(run(4).kappa.low);
});
