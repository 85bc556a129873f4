import fc from "fast-check";
import { expect, test } from "vitest";

import { calibrationOf } from "../../../../../src/pipeline/judge/calibration/calibration.ts";
import { correctedMean } from "../../../../../src/pipeline/judge/calibration/corrected-mean.ts";
import { labelled, rating, repeat, yesOrNo } from "../../../../support/calibration-builders.ts";

const reportOf = (hits: number, misses: number, rejections: number, alarms: number) =>
  calibrationOf({
    evaluator: yesOrNo,
    items: [
      ...repeat(hits, labelled(yesOrNo, "good", "good")),
      ...repeat(misses, labelled(yesOrNo, "good", "bad")),
      ...repeat(rejections, labelled(yesOrNo, "bad", "bad")),
      ...repeat(alarms, labelled(yesOrNo, "bad", "good")),
    ],
    resamples: 10,
  });

const zerosAndOnes = (count: number, mean: number) => ({
  count,
  mean,
  variance: (mean * (1 - mean) * count) / (count - 1),
});

test("a judge of yes and no is corrected by its sensitivity and specificity", () => {
  // (.34 + .8 - 1) / (.9 + .8 - 1)
  const corrected = correctedMean(reportOf(90, 10, 80, 20), zerosAndOnes(1_000, 0.34));
  expect(corrected).toMatchObject({ method: "rogan-gladen", is_clipped: false });
  expect(corrected?.mean).toBeCloseTo(0.2, 12);
  expect(corrected?.low).toBeGreaterThan(0.05);
  expect(corrected?.high).toBeLessThan(0.35);
});

test("a mean beyond what is possible is clipped, and says so", () => {
  const corrected = correctedMean(reportOf(90, 10, 80, 20), zerosAndOnes(1_000, 0.1));
  expect(corrected).toMatchObject({ mean: 0, low: 0, is_clipped: true });
});

test("ratings are corrected by the mean difference to humans", () => {
  const items = [
    ...repeat(20, labelled(rating, "3", "4")),
    ...repeat(20, labelled(rating, "2", "2")),
  ];
  const report = calibrationOf({ evaluator: rating, items, resamples: 10 });
  const judged = { count: 5_000, mean: 0.8, variance: 0.02 };
  const corrected = correctedMean(report, judged);
  expect(corrected).toMatchObject({ method: "prediction-powered", is_clipped: false });
  expect(corrected?.mean).toBeCloseTo(0.8 - 0.125, 12);
});

test("a judge that was never unlike people is not taken for one that never will be", () => {
  const items = repeat(30, labelled(rating, "3", "3"));
  const report = calibrationOf({ evaluator: rating, items, resamples: 10 });
  const corrected = correctedMean(report, { count: 5_000, mean: 0.5, variance: 0 });
  expect(corrected?.mean).toBe(0.5);
  expect(corrected?.high).toBeCloseTo(0.5 + (1.96 * Math.sqrt(0.1)) / Math.sqrt(30), 4);
  expect(corrected?.low).toBeCloseTo(0.5 - (1.96 * Math.sqrt(0.1)) / Math.sqrt(30), 4);
});

test("scores that were weighted are corrected as ratings are, whatever the labels", () => {
  const judged = { count: 1_000, mean: 0.5, variance: 0.1 };
  expect(correctedMean(reportOf(90, 10, 80, 20), judged)?.method).toBe("prediction-powered");
});

test("nothing is corrected by too few labels, or by a judge that is no better than chance", () => {
  const judged = zerosAndOnes(500, 0.5);
  expect(correctedMean(reportOf(8, 1, 9, 1), judged)).toBeNull();
  expect(correctedMean(reportOf(30, 2, 3, 1), judged)).toBeNull();
  expect(correctedMean(reportOf(50, 50, 50, 50), judged)).toBeNull();
  expect(correctedMean(reportOf(90, 10, 80, 20), { count: 0, mean: 0, variance: 0 })).toBeNull();
});

test("a corrected mean is within its interval, and both within 0 and 1", () => {
  const count = fc.integer({ min: 0, max: 60 });
  const means = fc.double({ min: 0, max: 1, noNaN: true });
  fc.assert(
    fc.property(count, count, count, count, means, (a, b, c, d, mean) => {
      const corrected = correctedMean(reportOf(a, b, c, d), zerosAndOnes(200, mean));
      if (corrected === null) return;
      const { low, high } = corrected;
      const inOrder = [0, low, corrected.mean, high, 1];
      expect(inOrder).toEqual(inOrder.toSorted((x, y) => x - y));
    }),
    { numRuns: 50 },
  );
});
