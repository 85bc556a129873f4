import fc from "fast-check";
import { expect, test } from "vitest";

import {
  errorUpperBound,
  isErrorWithin,
  rateInterval,
  trialsNeeded,
} from "../../../../src/pipeline/cache/error-bound.ts";

test("without an error the bound is the closed form 1 - (1 - confidence)^(1/n)", () => {
  for (const trials of [1, 10, 114, 230, 5_000])
    expect(errorUpperBound({ errors: 0, trials }, 0.9)).toBeCloseTo(1 - 0.1 ** (1 / trials), 10);
});

test("at 2 % it takes 114 labels without an error, at 1 % 230", () => {
  expect(trialsNeeded(0.02, 0.9)).toBe(114);
  expect(trialsNeeded(0.01, 0.9)).toBe(230);
  expect(isErrorWithin({ errors: 0, trials: 114 }, { errorMax: 0.02, confidence: 0.9 })).toBe(true);
  expect(isErrorWithin({ errors: 0, trials: 113 }, { errorMax: 0.02, confidence: 0.9 })).toBe(
    false,
  );
});

test("at the bound so few errors are exactly as improbable as the confidence says", () => {
  const counts = fc
    .integer({ min: 1, max: 400 })
    .chain((trials) => fc.tuple(fc.integer({ min: 0, max: trials - 1 }), fc.constant(trials)));
  fc.assert(
    fc.property(counts, fc.constantFrom(0.8, 0.9, 0.99), ([errors, trials], confidence) => {
      const bound = errorUpperBound({ errors, trials }, confidence);
      expect(atMost(errors, trials, bound)).toBeCloseTo(1 - confidence, 7);
    }),
  );
});

test("the quick answer is the same as a comparison with the bound", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5_000 }),
      fc.double({ min: 0, max: 0.2, noNaN: true }),
      fc.double({ min: 0.001, max: 0.3, noNaN: true }),
      (trials, share, errorMax) => {
        const seen = { errors: Math.floor(trials * share), trials };
        const bound = errorUpperBound(seen, 0.9);
        fc.pre(Math.abs(bound - errorMax) > 1e-9);
        expect(isErrorWithin(seen, { errorMax, confidence: 0.9 })).toBe(bound <= errorMax);
      },
    ),
  );
});

test("the two-sided interval of 1 in 10 is the published one", () => {
  // 95 %, exact: 0.25 % to 44.5 % (binom.test(1, 10) in R).
  const { low, high } = rateInterval({ errors: 1, trials: 10 }, 0.95);
  expect(low).toBeCloseTo(0.002528579, 8);
  expect(high).toBeCloseTo(0.4450161, 6);
});

test("nothing but errors leaves everything possible, and so does nothing at all", () => {
  expect(errorUpperBound({ errors: 7, trials: 7 }, 0.9)).toBe(1);
  expect(errorUpperBound({ errors: 0, trials: 0 }, 0.9)).toBe(1);
  expect(isErrorWithin({ errors: 0, trials: 0 }, { errorMax: 0.02, confidence: 0.9 })).toBe(false);
  expect(trialsNeeded(0, 0.9)).toBe(Number.POSITIVE_INFINITY);
});

/** The probability of at most so many errors, summed term by term. */
function atMost(errors: number, trials: number, rate: number): number {
  let logTerm = trials * Math.log1p(-rate);
  let sum = Math.exp(logTerm);
  for (let count = 1; count <= errors; count++) {
    logTerm += Math.log((trials - count + 1) / count) + Math.log(rate) - Math.log1p(-rate);
    sum += Math.exp(logTerm);
  }
  return sum;
}
