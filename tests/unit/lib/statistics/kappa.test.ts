import fc from "fast-check";
import { expect, test } from "vitest";

import { kappa } from "../../../../src/lib/statistics/kappa.ts";
import type { Rating } from "../../../../src/lib/statistics/kappa.ts";

/** As many ratings as the cells of a table say, its rows the first rater's. */
const ratingsOf = (cells: readonly (readonly number[])[]): Rating[] =>
  cells.flatMap((row, a) =>
    row.flatMap((times, b) => Array.from({ length: times }, (): Rating => [a, b])),
  );

const repeated = (...counts: readonly number[]): number[] =>
  counts.flatMap((times, label) => Array.from({ length: times }, () => label));

const zip = (a: readonly number[], b: readonly number[]): Rating[] =>
  a.map((label, at): Rating => [label, b[at] ?? -1]);

test("κ is .492 in the table of Cohen's paper on weighted kappa", () => {
  // Cohen 1968, Psychological Bulletin 70:213, table 1, as counts of its 200.
  const cells = [
    [88, 10, 2],
    [14, 40, 6],
    [18, 10, 12],
  ];
  expect(kappa(ratingsOf(cells), { labels: 3 })).toBeCloseTo(0.492, 3);
});

test("κ is .68 in Fleiss's table of two diagnosticians", () => {
  // Fleiss, Levin and Paik 2003, "Statistical Methods for Rates and Proportions", table 18.1, of 100 patients.
  const cells = [
    [75, 1, 4],
    [5, 4, 1],
    [0, 0, 10],
  ];
  expect(kappa(ratingsOf(cells), { labels: 3 })).toBeCloseTo(0.23 / 0.34, 12);
});

test("κ is as in the documentation of scikit-learn's cohen_kappa_score", () => {
  // negative 0, neutral 1, positive 2
  const a = [0, 2, 0, 1, 2];
  const b = [0, 2, 0, 1, 0];
  expect(kappa(zip(a, b), { labels: 3 })).toBeCloseTo(0.6875, 12);
});

test("κ, plain and by squares, is as in scikit-learn's own tests", () => {
  // test_cohen_kappa, which cites Artstein and Poesio 2008 for the first.
  const first = ratingsOf([
    [20, 20],
    [10, 50],
  ]);
  expect(kappa(first, { labels: 2 })).toBeCloseTo(0.348, 3);
  const ratings = zip(repeated(46, 44, 10), repeated(50, 40, 10));
  expect(kappa(ratings, { labels: 3 })).toBeCloseTo(0.9315, 4);
  expect(kappa(ratings, { labels: 3, weighting: "quadratic" })).toBeCloseTo(0.9541, 4);
});

const manyRatings = fc.array(fc.tuple(fc.nat({ max: 4 }), fc.nat({ max: 4 })), {
  minLength: 2,
  maxLength: 60,
});

test("κ by squares is the concordance of two lists of numbers", () => {
  // Fleiss and Cohen 1973; Krippendorff 1970: 2 cov / (var + var + (difference of means)²).
  fc.assert(
    fc.property(manyRatings, (ratings) => {
      const mean = (values: readonly number[]): number =>
        values.reduce((sum, value) => sum + value, 0) / values.length;
      const [meanA, meanB] = [mean(ratings.map(([a]) => a)), mean(ratings.map(([, b]) => b))];
      const covariance = mean(ratings.map(([a, b]) => (a - meanA) * (b - meanB)));
      const spread =
        mean(ratings.map(([a]) => (a - meanA) ** 2)) +
        mean(ratings.map(([, b]) => (b - meanB) ** 2)) +
        (meanA - meanB) ** 2;
      const value = kappa(ratings, { labels: 5, weighting: "quadratic" });
      if (spread < 1e-12) expect(value).toBeNull();
      else expect(value).toBeCloseTo((2 * covariance) / spread, 9);
    }),
  );
});

test("κ is never above 1, the same for both raters, and 1 where they always agree on more than one label", () => {
  fc.assert(
    fc.property(manyRatings, fc.constantFrom("none", "quadratic"), (ratings, weighting) => {
      const value = kappa(ratings, { labels: 5, weighting });
      if (value === null) return;
      expect(value).toBeLessThanOrEqual(1);
      const turned = ratings.map(([a, b]): Rating => [b, a]);
      expect(kappa(turned, { labels: 5, weighting })).toBeCloseTo(value, 9);
      const same = ratings.map(([a]): Rating => [a, a]);
      expect([1, null]).toContain(kappa(same, { labels: 5, weighting }));
    }),
  );
});

test("κ of one label only is not defined, and neither is κ of nothing", () => {
  expect(kappa(ratingsOf([[30]]), { labels: 2 })).toBeNull();
  expect(kappa([], { labels: 2 })).toBeNull();
});
