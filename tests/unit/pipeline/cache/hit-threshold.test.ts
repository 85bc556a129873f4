import { expect, test } from "vitest";

import {
  lowestSafeStep,
  scoreAtStep,
  stepOf,
  stepsMax,
  type Step,
} from "../../../../src/pipeline/cache/hit-threshold.ts";
import { seededRandom } from "../../../support/seeded-random.ts";

const limit = { errorMax: 0.02, confidence: 0.9 };

/** Steps from the top down, each seen as often as it was labelled. */
const fromTop = (
  ...steps: readonly { trials: number; errors: number; traffic?: number }[]
): Step[] => steps.map((step) => ({ traffic: step.trials, ...step })).reverse();

test("without labels nothing is safe", () => {
  expect(lowestSafeStep([], limit)).toBeUndefined();
  expect(lowestSafeStep(fromTop({ trials: 0, errors: 0, traffic: 900 }), limit)).toBeUndefined();
});

test("a single step is safe from 114 labels without an error on", () => {
  expect(lowestSafeStep(fromTop({ trials: 113, errors: 0 }), limit)).toBeUndefined();
  expect(lowestSafeStep(fromTop({ trials: 114, errors: 0 }), limit)).toBe(0);
});

test("the walk goes down while the error of all above is within the limit", () => {
  const steps = fromTop(
    { trials: 300, errors: 0 },
    { trials: 300, errors: 2 },
    { trials: 100, errors: 30 },
  );
  expect(lowestSafeStep(steps, limit)).toBe(1);
});

test("the first failure ends the walk, whatever lies below", () => {
  const steps = fromTop(
    { trials: 360, errors: 0 },
    { trials: 100, errors: 20 },
    { trials: 5_000, errors: 0 },
  );
  expect(lowestSafeStep(steps, limit)).toBe(2);
});

test("a failure at the first test leaves nothing safe", () => {
  const steps = fromTop({ trials: 360, errors: 20 }, { trials: 5_000, errors: 0 });
  expect(lowestSafeStep(steps, limit)).toBeUndefined();
});

test("a step counts by its requests, not by how often it was labelled", () => {
  // The upper step serves nearly all hits and is audited at 5 %; the lower one is labelled each time.
  const even = fromTop({ trials: 400, errors: 0 }, { trials: 400, errors: 16 });
  const audited = fromTop(
    { trials: 400, errors: 0, traffic: 8_000 },
    { trials: 400, errors: 16, traffic: 400 },
  );
  expect(lowestSafeStep(even, limit)).toBe(1);
  expect(lowestSafeStep(audited, limit)).toBe(0);
  // And the other way round: much traffic on few labels is no licence.
  const thin = fromTop(
    { trials: 400, errors: 0, traffic: 400 },
    { trials: 100, errors: 2, traffic: 8_000 },
  );
  expect(lowestSafeStep(thin, limit)).toBe(1);
});

test("a score falls into the step that begins at it or below, and the ends take the rest", () => {
  for (const score of [-8, -0.1, 0, 0.3, 2.7, 11.9]) {
    expect(scoreAtStep(stepOf(score))).toBeLessThanOrEqual(score + 1e-8);
    expect(scoreAtStep(stepOf(score) + 1)).toBeGreaterThan(score);
  }
  expect(stepOf(-1_000)).toBe(0);
  expect(stepOf(1_000)).toBe(stepsMax - 1);
});

test("what is held to be safe is not, in at most a tenth of all cases", () => {
  const curves = {
    "steep, hardly an error at the top": (depth: number) => 0.002 + 0.6 * depth ** 3,
    "mild, which tempts to go on": (depth: number) => 0.01 + 0.04 * depth,
    "labels of which some are wrong": (depth: number) => 0.008 + 0.3 * depth ** 2,
    "hopeless, just above the limit": () => 0.021,
  };
  const runs = 400;
  for (const [name, errorAt] of Object.entries(curves)) {
    let violations = 0;
    for (let seed = 0; seed < runs; seed++) {
      const safe = lowestSafeStep(drawn(errorAt, seed), limit);
      if (safe !== undefined && trueError(errorAt, safe) > limit.errorMax) violations++;
    }
    expect(violations / runs, name).toBeLessThanOrEqual(0.1);
  }
});

const curveSteps = 80;
const depthOf = (step: number): number => 1 - (step + 1) / curveSteps;

function drawn(errorAt: (depth: number) => number, seed: number): Step[] {
  const random = seededRandom(seed);
  const steps = Array.from({ length: curveSteps }, () => ({ trials: 0, errors: 0, traffic: 0 }));
  for (let label = 0; label < 3_000; label++) {
    const at = Math.floor(random() * curveSteps);
    const step = steps[at];
    if (step === undefined) continue;
    step.trials++;
    step.traffic++;
    if (random() < errorAt(depthOf(at))) step.errors++;
  }
  return steps;
}

function trueError(errorAt: (depth: number) => number, safe: number): number {
  let sum = 0;
  for (let step = safe; step < curveSteps; step++) sum += errorAt(depthOf(step));
  return sum / (curveSteps - safe);
}
