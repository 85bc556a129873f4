import { expect, test } from "vitest";

import { errorsAround } from "../../../../src/lib/statistics/student.ts";

test("the quantiles are those of Student's table", () => {
  // (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.6.7.2)
  const table = [
    [2, 0.95, 12.706],
    [3, 0.95, 4.303],
    [6, 0.95, 2.571],
    [11, 0.95, 2.228],
    [31, 0.95, 2.042],
    [2, 0.9, 6.314],
    [6, 0.99, 4.032],
    [100, 0.95, 1.984],
  ] as const;
  for (const [count, confidence, expected] of table) {
    expect(errorsAround(count, confidence)).toBeCloseTo(expected, 3);
  }
});

test("of many numbers they are those of the normal distribution, and never less", () => {
  expect(errorsAround(1_000_000, 0.95)).toBeCloseTo(1.96, 3);
  for (let count = 3; count < 200; count++) {
    expect(errorsAround(count, 0.95)).toBeLessThanOrEqual(errorsAround(count - 1, 0.95));
    expect(errorsAround(count, 0.95)).toBeGreaterThan(1.9599);
  }
});
