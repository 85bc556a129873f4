import { expect, test } from "vitest";

import { driftOf, isDrifting } from "../../../../../src/pipeline/judge/calibration/drift.ts";

const frozen = (kappa: number | null) => ({ anchors: { count: 10, kappa } });

test("drift is how far κ is from what it was, and is not known where one of the two is not", () => {
  expect(driftOf(frozen(0.5), { kappa: 0.75 })).toBe(0.25);
  expect(driftOf(frozen(null), { kappa: 0.7 })).toBeNull();
  expect(driftOf(frozen(0.5), { kappa: null })).toBeNull();
  expect(driftOf(frozen(0.5), undefined)).toBeNull();
  expect(driftOf({ anchors: null }, { kappa: 0.5 })).toBeNull();
});

test.each([
  [0.7, 0.6, true],
  [0.3, 0.2, true],
  [0.7, 0.600001, false],
  [0.7, 0.9, false],
])("from %d to %d counts as drifting: %j", (before, now, isIt) => {
  expect(isDrifting(driftOf(frozen(before), { kappa: now }))).toBe(isIt);
});
