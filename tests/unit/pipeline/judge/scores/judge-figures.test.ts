import fc from "fast-check";
import { expect, test } from "vitest";

import { pearson } from "../../../../../src/lib/statistics/correlation.ts";
import { momentsOf } from "../../../../../src/lib/statistics/moments.ts";
import { countEvaluation } from "../../../../../src/pipeline/judge/scores/count-evaluation.ts";
import {
  feedbackMean,
  pairFigures,
  scoreFigures,
} from "../../../../../src/pipeline/judge/scores/judge-figures.ts";
import { judgeSums, noJudgeSums } from "../../../../../src/pipeline/judge/scores/judge-sums.ts";
import type { JudgeSums } from "../../../../../src/pipeline/judge/scores/judge-sums.ts";
import type { AuditAmendment } from "../../../../../src/pipeline/audit/entry.ts";
import { anEntry } from "../../../../support/audit-builders.ts";
import { aFeedback, anEvaluation, judgedBefore } from "../../../../support/judge-builders.ts";

const entry = anEntry(Date.UTC(2026, 10, 20));

function sumsOf(amendments: readonly AuditAmendment[], times = 1n): JudgeSums {
  const sums = noJudgeSums();
  for (const amendment of amendments) {
    const count = countEvaluation(amendment);
    for (const name of judgeSums) sums[name] += times * BigInt(count?.sums[name] ?? 0);
  }
  return sums;
}
const scored = (score: number, length: number) =>
  anEvaluation(entry, { score, answer_characters: length });

const millionth = fc.integer({ min: 0, max: 1_000_000 }).map((value) => value / 1e6);
const judged = fc.tuple(millionth, fc.integer({ min: 0, max: 60_000 }));

test("mean, variance and correlation from the sums are those of the scores", () => {
  fc.assert(
    fc.property(fc.array(judged, { minLength: 3, maxLength: 60 }), (points) => {
      const figures = scoreFigures(sumsOf(points.map(([score, length]) => scored(score, length))));
      const wanted = momentsOf(points.map(([score]) => score));
      expect(figures.moments?.count).toBe(points.length);
      expect(figures.moments?.mean).toBeCloseTo(wanted?.mean ?? -1, 9);
      expect(figures.moments?.variance).toBeCloseTo(wanted?.variance ?? -1, 7);
      const correlation = figures.lengthCorrelation;
      // Where scores hardly vary, rounding says more than they do.
      fc.pre((wanted?.variance ?? 0) > 1e-4);
      const expected = pearson(points);
      if (expected === null) expect(correlation).toBeNull();
      else expect(correlation).toBeCloseTo(expected, 3);
    }),
  );
});

test("the interval is by Student's t, within 0 and 1, and of many scores 1.96 standard errors", () => {
  const few = [scored(0.4, 1), scored(0.5, 2), scored(0.6, 3)];
  const { interval } = scoreFigures(sumsOf(few));
  expect(interval?.low).toBeCloseTo(0.5 - (4.302653 * 0.1) / Math.sqrt(3), 5);
  expect(interval?.high).toBeCloseTo(0.5 + (4.302653 * 0.1) / Math.sqrt(3), 5);
  const many = scoreFigures(sumsOf(few, 1_000n));
  const deviation = Math.sqrt(many.moments?.variance ?? 0);
  expect(many.interval?.low).toBeCloseTo(0.5 - (1.959964 * deviation) / Math.sqrt(3_000), 6);
  expect(scoreFigures(sumsOf([scored(0, 1), scored(1, 1)])).interval).toEqual({ low: 0, high: 1 });
});

test("scores that are all the same have an interval that does not claim to know it all", () => {
  const { interval } = scoreFigures(sumsOf([1, 1, 1, 1, 1].map((score) => scored(score, 10))));
  expect(interval?.high).toBe(1);
  expect(interval?.low).toBeCloseTo(0.5655, 4);
  const some = scoreFigures(sumsOf(Array.from({ length: 100 }, () => scored(0.75, 10)))).interval;
  expect(some?.low).toBeLessThan(0.7);
  expect(some?.high).toBeGreaterThan(0.8);
});

test("answers that were judged because of a complaint or a fault do not move the mean", () => {
  const plain = [0.75, 1, 0.75].map((score) => scored(score, 10));
  const chosen = (["feedback", "error", "shield"] as const).map((sampled_by) =>
    anEvaluation(entry, { score: 0, sampled_by }),
  );
  const sums = sumsOf([...plain, ...chosen]);
  expect(sums).toMatchObject({ scored: 6n, sampled: 3n });
  expect(scoreFigures(sums)).toEqual(scoreFigures(sumsOf(plain)));
  expect(scoreFigures(sumsOf(chosen)).moments).toBeNull();
});

test("nothing is made up: without scores, with one, or where nothing varies there is no figure", () => {
  const none = { moments: null, interval: null, lengthCorrelation: null };
  expect(scoreFigures(noJudgeSums())).toEqual(none);
  expect(pairFigures(noJudgeSums())).toBeNull();
  expect(feedbackMean(noJudgeSums())).toBeNull();
  const one = scoreFigures(sumsOf([scored(0.3, 10)]));
  expect(one).toMatchObject({ moments: { count: 1, mean: 0.3, variance: 0 }, interval: null });
  const same = [1, 2, 3].map((length) => scored(1 / 3, length));
  expect(scoreFigures(sumsOf(same)).lengthCorrelation).toBeNull();
  const sameLength = [0.1, 0.2, 0.3].map((score) => scored(score, 7));
  expect(scoreFigures(sumsOf(sameLength)).lengthCorrelation).toBeNull();
});

test("hundreds of millions of rows lose nothing by their number", () => {
  const points = [scored(0.1, 60_000), scored(0.2, 30_000), scored(0.95, 10)];
  const [few, many] = [scoreFigures(sumsOf(points)), scoreFigures(sumsOf(points, 300_000_000n))];
  expect(many.moments?.mean).toBeCloseTo(few.moments?.mean ?? -1, 9);
  expect(many.lengthCorrelation).toBeCloseTo(few.lengthCorrelation ?? -2, 6);
});

test("people and judge are compared on the answers that both gave a score", () => {
  const pair = (human: number, judge: number) =>
    aFeedback(entry, { evaluator: "relevance", score: human, judged: judgedBefore(judge) });
  const sums = sumsOf([
    pair(1, 0.75),
    pair(0, 0.25),
    pair(0, 0.75),
    aFeedback(entry, { score: 1 }),
  ]);
  const figures = pairFigures(sums);
  expect(figures).toMatchObject({ count: 3, agreement: 2 / 3 });
  expect(figures?.meanDifference).toBeCloseTo((0.25 - 0.25 - 0.75) / 3, 9);
  expect(figures?.rootMeanSquareDifference).toBeCloseTo(Math.sqrt(0.6875 / 3), 6);
  expect(feedbackMean(sums)).toBe(0.5);
});
