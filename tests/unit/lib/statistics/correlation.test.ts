import fc from "fast-check";
import { expect, test } from "vitest";

import { pearson, ranksOf, spearman } from "../../../../src/lib/statistics/correlation.ts";
import type { Point } from "../../../../src/lib/statistics/correlation.ts";

const zip = (x: readonly number[], y: readonly number[]): Point[] =>
  x.map((value, at): Point => [value, y[at] ?? Number.NaN]);

test("Anscombe's four sets all have r = .816", () => {
  // Anscombe 1973, The American Statistician 27:17; the first and the fourth of them.
  const x = [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5];
  const y = [8.04, 6.95, 7.58, 8.81, 8.33, 9.96, 7.24, 4.26, 10.84, 4.82, 5.68];
  expect(pearson(zip(x, y))).toBeCloseTo(0.816, 3);
  const x4 = [8, 8, 8, 8, 8, 8, 8, 19, 8, 8, 8];
  const y4 = [6.58, 5.76, 7.71, 8.84, 8.47, 7.04, 5.25, 12.5, 5.56, 7.91, 6.89];
  expect(pearson(zip(x4, y4))).toBeCloseTo(0.817, 3);
});

test("ρ of ten people's IQ and hours of television is -29/165", () => {
  // The example of Wikipedia's article on Spearman's rank correlation coefficient; 1 - 6 · 194 / (10 · 99).
  const iq = [106, 100, 86, 101, 99, 103, 97, 113, 112, 110];
  const hours = [7, 27, 2, 50, 28, 29, 20, 12, 6, 17];
  expect(spearman(zip(iq, hours))).toBeCloseTo(-29 / 165, 12);
});

test("equal values share the mean of their ranks", () => {
  expect(ranksOf([3, 1, 3, 2, 3])).toEqual([4, 1, 4, 2, 4]);
});

test("ρ only sees the order, and is within -1 and 1", () => {
  const points = fc.array(fc.tuple(fc.integer({ min: -50, max: 50 }), fc.integer()), {
    maxLength: 40,
  });
  fc.assert(
    fc.property(points, (values) => {
      const rho = spearman(values);
      expect(spearman(values.map(([x, y]): Point => [x ** 3, y]))).toEqual(rho);
      if (rho !== null) expect(Math.abs(rho)).toBeLessThanOrEqual(1);
    }),
  );
});

test("what never changes correlates with nothing", () => {
  expect(pearson(zip([0.1, 0.1, 0.1], [1, 2, 3]))).toBeNull();
  expect(spearman(zip([1, 2, 3], [5, 5, 5]))).toBeNull();
  expect(pearson([])).toBeNull();
});
