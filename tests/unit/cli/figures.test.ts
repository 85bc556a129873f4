import fc from "fast-check";
import { expect, test } from "vitest";

import { addFigures, countOf, nanoUsdOf } from "../../../src/cli/reconcile/figures.ts";

test("amounts are read to the nano-dollar, whatever number of digits and whichever exponent they have", () => {
  fc.assert(
    fc.property(
      fc.bigInt({ min: 0n, max: 10n ** 15n - 1n }),
      fc.array(fc.integer({ min: 0, max: 9 }), { maxLength: 30 }),
      fc.integer({ min: -12, max: 3 }),
      (whole, digits, exponent) => {
        const fraction = digits.join("");
        const text = `${whole}${fraction === "" ? "" : `.${fraction}`}e${exponent}`;
        // The exact rational: (whole ‖ fraction) × 10^(exponent − digits), in nano-dollars, half up.
        const numerator = BigInt(`${whole}${fraction}`) * 10n ** BigInt(exponent + 12 + 9);
        const denominator = 10n ** BigInt(fraction.length + 12);
        const expected = (numerator * 2n + denominator) / (denominator * 2n);
        expect(nanoUsdOf(text)).toBe(expected);
      },
    ),
  );
});

test.each([
  ["0.8958740000000000", 895_874_000n],
  ["$1,234.50", 1_234_500_000_000n],
  ["1.2e-05", 12_000n],
  ["-3", -3_000_000_000n],
  [0.1, 100_000_000n],
  [1e-9, 1n],
  ["", undefined],
  [null, undefined],
])("the amount %j is %s nano-dollars", (written, nanoUsd) => {
  expect(nanoUsdOf(written)).toBe(nanoUsd);
});

test.each(["1.234,50", "1e400", "abc", "NaN", "1,23", "--1"])("%j is no amount", (written) => {
  expect(() => nanoUsdOf(written)).toThrow(RangeError);
});

test.each([
  ["1,234,567", 1_234_567n],
  ["1000.0", 1_000n],
  [42, 42n],
  [" 7 ", 7n],
  ["", undefined],
])("the count %j is %s", (written, count) => {
  expect(countOf(written)).toBe(count);
});

test.each(["1.5", "-1", "1,23", "12x", 1e21, true])("%j is no count", (written) => {
  expect(() => countOf(written)).toThrow(RangeError);
});

test("what one side does not tell stays untold, and 0 is told", () => {
  expect(addFigures({ requests: 1n }, { requests: 2n, inputTokens: 0n })).toEqual({
    requests: 3n,
    inputTokens: 0n,
  });
});
