import { expect, test } from "vitest";

import { bootstrapIntervals, quantile } from "../../../../src/lib/statistics/bootstrap.ts";
import { pearson } from "../../../../src/lib/statistics/correlation.ts";
import type { Point } from "../../../../src/lib/statistics/correlation.ts";

/** Efron and Tibshirani 1993, table 3.1: LSAT and GPA of fifteen law schools. */
const schools: readonly Point[] = [
  [576, 3.39],
  [635, 3.3],
  [558, 2.81],
  [578, 3.03],
  [666, 3.44],
  [580, 3.07],
  [555, 3.0],
  [661, 3.43],
  [651, 3.36],
  [605, 3.13],
  [653, 3.12],
  [575, 2.74],
  [545, 2.76],
  [572, 2.88],
  [594, 2.96],
];

/** Each thing of a kind of its own. */
const places = (size: number) => ({
  kindOf: Uint32Array.from({ length: size }, (_, at) => at),
  kinds: size,
});

const correlation = (times: Uint32Array): readonly [number | null] => [
  pearson(schools.flatMap((school, at) => Array.from({ length: times[at] ?? 0 }, () => school))),
];

test("the law schools' correlation of .776 has about the interval that others get", () => {
  expect(pearson(schools)).toBeCloseTo(0.776, 3);
  const [interval] = bootstrapIntervals({ ...places(15), figures: correlation });
  // About .46 to .96 with any generator; these digits differ from one to the next.
  expect(interval?.low).toBeCloseTo(0.46, 1);
  expect(interval?.high).toBeCloseTo(0.96, 1);
});

test("of a share the interval is about the one that theory has", () => {
  const size = 400;
  const kindOf = Uint32Array.from({ length: size }, (_, at) => Number(at < 100));
  const figures = (times: Uint32Array) => [(times[1] ?? 0) / size, (times[0] ?? 0) / size] as const;
  const [interval, ofOthers] = bootstrapIntervals({ kindOf, kinds: 2, figures });
  const margin = 1.96 * Math.sqrt((0.25 * 0.75) / size);
  expect(Math.abs((interval?.low ?? 0) - (0.25 - margin))).toBeLessThan(0.01);
  expect(Math.abs((interval?.high ?? 0) - (0.25 + margin))).toBeLessThan(0.01);
  expect(ofOthers?.high).toBeCloseTo(1 - (interval?.low ?? 0), 12);
});

test("a seed gives the same interval again, and another seed another one", () => {
  const run = (seed: number) =>
    bootstrapIntervals({ ...places(15), figures: correlation, resamples: 100, seed });
  expect(run(7)).toEqual(run(7));
  expect(run(7)).not.toEqual(run(8));
});

test("a figure that is often not defined has no interval", () => {
  let round = 0;
  const figures = () => [++round % 5 === 0 ? null : 1, null, 2];
  expect(bootstrapIntervals({ ...places(10), figures })).toEqual([null, null, { low: 2, high: 2 }]);
  expect(bootstrapIntervals({ ...places(1), figures })).toEqual([]);
  expect(bootstrapIntervals({ ...places(10), figures, resamples: 0 })).toEqual([]);
});

test("quantiles lie between the values as NumPy's do", () => {
  const sorted = Float64Array.of(1, 2, 3, 4);
  expect(quantile(sorted, 0.25)).toBe(1.75);
  expect(quantile(sorted, 0.5)).toBe(2.5);
  expect(quantile(sorted, 1)).toBe(4);
});
