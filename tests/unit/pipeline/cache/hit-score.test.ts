import { expect, test } from "vitest";

import {
  doubted,
  learn,
  logOddsOf,
  newHitScore,
  probabilityOf,
} from "../../../../src/pipeline/cache/hit-score.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const features = (similarity: number, margin: number) => [1, similarity, margin, 0, 0, 0, 0, 0];

test("before any label more similarity and more margin are better", () => {
  const score = newHitScore();
  const base = logOddsOf(score, features(0, 0));
  expect(logOddsOf(score, features(1, 0))).toBeGreaterThan(base);
  expect(logOddsOf(score, features(0, 1))).toBeGreaterThan(base);
});

test("it finds the weights by which the labels were drawn", () => {
  const random = seededRandom(1);
  let score = newHitScore();
  for (let label = 0; label < 20_000; label++) {
    const [similarity, margin] = [random() * 4 - 2, random() * 4 - 2];
    const truth = probabilityOf(-1 + 2 * similarity - 0.5 * margin);
    score = learn(score, features(similarity, margin), random() < truth);
  }
  expect(score.weights[0]).toBeCloseTo(-1, 0);
  expect(score.weights[1]).toBeCloseTo(2, 0);
  expect(score.weights[2]).toBeCloseTo(-0.5, 0);
});

test("the covariance stays symmetric and its diagonal positive and shrinking", () => {
  const random = seededRandom(2);
  let score = newHitScore();
  const size = score.weights.length;
  for (let label = 0; label < 2_000; label++)
    score = learn(
      score,
      [1, ...Array.from({ length: size - 1 }, () => random() * 6 - 3)],
      random() < 0.9,
    );
  for (let row = 0; row < size; row++) {
    const variance = score.covariance[row * size + row] ?? Number.NaN;
    expect(variance).toBeGreaterThan(0);
    expect(variance).toBeLessThan(0.5);
    for (let column = 0; column < row; column++)
      expect(score.covariance[row * size + column]).toBeCloseTo(
        score.covariance[column * size + row] ?? Number.NaN,
        10,
      );
  }
});

test("one that is doubted keeps its weights and learns as fast as a new one", () => {
  let score = newHitScore();
  for (let label = 0; label < 500; label++) score = learn(score, features(1, 1), true);
  const again = doubted(score);
  expect(again.weights).toEqual(score.weights);
  const moved = (from: typeof score) =>
    logOddsOf(from, features(1, 1)) - logOddsOf(learn(from, features(1, 1), false), features(1, 1));
  expect(moved(again)).toBeGreaterThan(moved(score) * 5);
});
