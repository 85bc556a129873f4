import { expect, test } from "vitest";

import { momentsOf } from "../../../../src/lib/statistics/moments.ts";
import { predictionPoweredMean } from "../../../../src/lib/statistics/prediction-powered.ts";
import { roganGladen } from "../../../../src/lib/statistics/rogan-gladen.ts";
import { seededRandom } from "../../../../src/lib/statistics/seeded-random.ts";

const good = {
  sensitivity: { hits: 90, trials: 100 },
  specificity: { hits: 80, trials: 100 },
};

test("the true share is (seen + specificity - 1) / (sensitivity + specificity - 1)", () => {
  // Rogan and Gladen 1978: (.34 + .8 - 1) / (.9 + .8 - 1) = .2.
  expect(roganGladen({ hits: 340, trials: 1_000 }, good)?.mean).toBeCloseTo(0.2, 12);
  expect(roganGladen({ hits: 100, trials: 1_000 }, good)?.mean).toBeCloseTo(-0.1 / 0.7, 12);
});

test("a judge that is no better than chance corrects nothing", () => {
  const sensitivity = { hits: 20, trials: 100 };
  expect(roganGladen({ hits: 1, trials: 2 }, { ...good, sensitivity })).toBeNull();
  expect(
    roganGladen({ hits: 1, trials: 2 }, { ...good, sensitivity: { hits: 0, trials: 0 } }),
  ).toBeNull();
});

test("the interval of a share holds the truth as often as it says, also of a judge seldom wrong", () => {
  const random = seededRandom(11);
  const drawn = (trials: number, rate: number) => ({
    hits: Array.from({ length: trials }, random).filter((value) => value < rate).length,
    trials,
  });
  for (const [sensitivity, specificity, truth] of [
    [0.9, 0.8, 0.3],
    [0.98, 0.97, 0.1],
  ] as const) {
    const rate = truth * sensitivity + (1 - truth) * (1 - specificity);
    const held = Array.from({ length: 500 }, () =>
      roganGladen(drawn(400, rate), {
        sensitivity: drawn(50, sensitivity),
        specificity: drawn(60, specificity),
      }),
    ).filter((interval) => interval !== null && interval.low <= truth && truth <= interval.high);
    expect(held.length / 500).toBeGreaterThan(0.93);
    expect(held.length / 500).toBeLessThan(0.995);
  }
});

test("a prediction-powered mean is the judge's plus the difference, with the errors of both", () => {
  const judged = { count: 10_000, mean: 0.7, variance: 0.04 };
  const differences = { count: 100, mean: -0.1, variance: 0.01 };
  const { mean, low, high } = predictionPoweredMean({ judged, differences });
  expect(mean).toBeCloseTo(0.6, 12);
  const margin = 1.959964 * Math.sqrt(0.04 / 10_000 + 0.01 / 100);
  expect(low).toBeCloseTo(0.6 - margin, 6);
  expect(high).toBeCloseTo(0.6 + margin, 6);
});

test("a prediction-powered mean holds the truth as often as it says, however wrong the judge is", () => {
  const random = seededRandom(5);
  // Humans: uniform, mean .5. The judge likes everything, and squeezes it.
  const human = (): number => random();
  const judgeOf = (score: number): number => 0.6 + 0.4 * score * random();
  const held = Array.from({ length: 500 }, () => {
    const labelled = Array.from({ length: 80 }, human);
    const judged = momentsOf(Array.from({ length: 400 }, () => judgeOf(human())));
    const differences = momentsOf(labelled.map((score) => score - judgeOf(score)));
    if (judged === null || differences === null) throw new Error("There are some.");
    return predictionPoweredMean({ judged, differences });
  }).filter(({ low, high }) => low <= 0.5 && 0.5 <= high);
  expect(held.length / 500).toBeGreaterThan(0.92);
  expect(held.length / 500).toBeLessThan(0.98);
});

test("moments are those of a sample", () => {
  expect(momentsOf([2, 4, 4, 4, 5, 5, 7, 9])).toEqual({ count: 8, mean: 5, variance: 32 / 7 });
  expect(momentsOf([3])).toEqual({ count: 1, mean: 3, variance: 0 });
  expect(momentsOf([])).toBeNull();
});
