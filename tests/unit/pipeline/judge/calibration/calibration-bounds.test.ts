import fc from "fast-check";
import { expect, test } from "vitest";

import {
  newestOfEach,
  toForget,
} from "../../../../../src/pipeline/judge/calibration/calibration-bounds.ts";
import type { StoredCalibration } from "../../../../../src/pipeline/judge/evaluators/judge-store.ts";

const bounds = { perModelMax: 3, allMax: 8, anchorSetsMax: 2 };

const calibrations = fc
  .array(
    fc.record({
      evaluator: fc.constantFrom("a", "b"),
      model: fc.constantFrom("m", "n"),
      hasAnchors: fc.boolean(),
    }),
    { maxLength: 20 },
  )
  .map((drawn) =>
    drawn.map(({ evaluator, model, hasAnchors }, at): StoredCalibration => ({
      id: String(at).padStart(3, "0"),
      evaluator,
      version: "v",
      model,
      report: {},
      anchors: hasAnchors ? { count: 1, kappa: null } : null,
      createdAtMs: at,
    })),
  );

test("what is kept is within every bound, and nothing newer goes before something older of its kind", () => {
  fc.assert(
    fc.property(calibrations, (all) => {
      const gone = toForget(all, bounds);
      const kept = all.filter(({ id }) => !gone.calibrations.includes(id)).toReversed();
      expect(kept.length).toBeLessThanOrEqual(bounds.allMax);
      for (const newest of newestOfEach(kept)) {
        const isAlike = (each: StoredCalibration) =>
          each.evaluator === newest.evaluator && each.model === newest.model;
        const alike = kept.filter(isAlike);
        expect(alike.length).toBeLessThanOrEqual(bounds.perModelMax);
        const goneAlike = all.filter((each) => isAlike(each) && !kept.includes(each));
        const oldestKept = alike.at(-1)?.id ?? "";
        expect(goneAlike.every(({ id }) => id < oldestKept)).toBe(true);
      }
      expect(toForget(kept, bounds).calibrations).toEqual([]);
    }),
  );
});

test("of each evaluator, version and model at most the newest anchors stay", () => {
  fc.assert(
    fc.property(calibrations, (all) => {
      const gone = toForget(all, bounds);
      const kept = all
        .filter(({ id }) => !gone.calibrations.includes(id))
        .filter(({ id, anchors }) => anchors !== null && !gone.anchors.includes(id))
        .toReversed();
      expect(newestOfEach(kept)).toEqual(kept);
      expect(kept.length).toBeLessThanOrEqual(bounds.anchorSetsMax);
    }),
  );
});
