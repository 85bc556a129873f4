import fc from "fast-check";
import { expect, test } from "vitest";

import { backoffMs } from "../../../src/jobs/backoff.ts";

const most = (attempt: number, afterMs?: number) =>
  backoffMs({ attempt, baseMs: 1_000, afterMs, random: () => 1 - Number.EPSILON });

test("the ceiling doubles with each attempt, up to five minutes", () => {
  expect([1, 2, 3, 8, 9, 10, 50].map((attempt) => most(attempt))).toEqual([
    1_000, 2_000, 4_000, 128_000, 256_000, 300_000, 300_000,
  ]);
});

test("a retry never comes before the time that was asked for, nor more than a day and five minutes later", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 10_000 }),
      fc.integer({ min: 1, max: 600_000 }),
      fc.double(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, baseMs, afterMs, fraction) => {
        const ms = backoffMs({ attempt, baseMs, afterMs, random: () => fraction });
        const asked = Number.isFinite(afterMs) ? afterMs : 0;
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(ms).toBeGreaterThanOrEqual(Math.max(0, Math.min(asked, 86_400_000)));
        expect(ms).toBeLessThanOrEqual(86_400_000 + 300_000);
      },
    ),
  );
});
