import fc from "fast-check";
import { expect, test } from "vitest";

import {
  drawn,
  givenBack,
  minuteMs,
  neverDrawnMs,
  refundOf,
  remainingAt,
  waitMs,
} from "../../../src/pipeline/limits/gcra.ts";

const perMinute = fc.integer({ min: 1, max: 1_000_000 });
/** Up to ten years of a ticking clock, to a fraction of a millisecond. */
const nowMs = fc.double({ min: 0, max: 3e11, noNaN: true });

test("whatever the limit and the time, a full bucket gives exactly the limit at once", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 700 }), nowMs, (limit, atMs) => {
      let fullAtMs = neverDrawnMs;
      for (let count = 0; count < limit; count += 1) {
        const draw = { amount: 1, perMinute: limit, nowMs: atMs };
        if (waitMs(fullAtMs, draw) !== 0) expect.fail(`refused after ${count} of ${limit}`);
        expect(remainingAt(fullAtMs, limit, atMs)).toBe(limit - count);
        fullAtMs = drawn(fullAtMs, draw);
      }
      expect(waitMs(fullAtMs, { amount: 1, perMinute: limit, nowMs: atMs })).toBeGreaterThan(0);
      expect(remainingAt(fullAtMs, limit, atMs)).toBe(0);
    }),
  );
});

test("whoever comes back after the wait is let in, and not a moment before", () => {
  const amounts = fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 20 });
  fc.assert(
    fc.property(amounts, fc.integer({ min: 1, max: 1_000 }), (before, amount) => {
      const rate = { perMinute: 1_000, nowMs: 5_000 };
      const fullAtMs = before.reduce(
        (at, one) => drawn(at, { amount: one, ...rate }),
        neverDrawnMs,
      );
      const wait = waitMs(fullAtMs, { amount, ...rate }) ?? expect.fail("never");
      const after = { amount, perMinute: 1_000, nowMs: rate.nowMs + wait };
      expect(waitMs(fullAtMs, after)).toBe(0);
      if (wait > 1) expect(waitMs(fullAtMs, { ...after, nowMs: after.nowMs - 1 })).not.toBe(0);
    }),
  );
});

test("more than the limit is never let in", () => {
  expect(waitMs(neverDrawnMs, { amount: 11, perMinute: 10, nowMs: 0 })).toBeUndefined();
  expect(waitMs(neverDrawnMs, { amount: 10, perMinute: 10, nowMs: 0 })).toBe(0);
});

test("in any stretch of time no more is let in than the limit and what flows back in it", () => {
  const arrivals = fc.array(
    fc.record({
      afterMs: fc.integer({ min: 0, max: 20_000 }),
      amount: fc.integer({ min: 1, max: 50 }),
    }),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(arrivals, fc.integer({ min: 1, max: 120 }), (list, limit) => {
      let fullAtMs = neverDrawnMs;
      let atMs = 0;
      const taken: { atMs: number; amount: number }[] = [];
      for (const { afterMs, amount } of list) {
        atMs += afterMs;
        const draw = { amount, perMinute: limit, nowMs: atMs };
        if (waitMs(fullAtMs, draw) !== 0) continue;
        fullAtMs = drawn(fullAtMs, draw);
        taken.push({ atMs, amount });
      }
      for (const [index, first] of taken.entries()) {
        let sum = 0;
        for (const one of taken.slice(index)) {
          sum += one.amount;
          const refilled = (limit * (one.atMs - first.atMs)) / minuteMs;
          expect(sum).toBeLessThanOrEqual(limit + refilled + 0.02);
        }
      }
    }),
  );
});

test("a debt is waited for, and a bucket does not get fuller than full", () => {
  const rate = { perMinute: 60, nowMs: 1_000 };
  const inDebt = drawn(neverDrawnMs, { amount: 90, ...rate });
  expect(remainingAt(inDebt, 60, 1_000)).toBe(0);
  expect(waitMs(inDebt, { amount: 1, ...rate })).toBe(31_000);
  // Who takes nothing, as an answer from the cache does, waits for nothing.
  expect(waitMs(inDebt, { amount: 0, ...rate })).toBe(0);
  const full = givenBack(inDebt, { amount: 1_000, ...rate });
  expect(remainingAt(full, 60, 1_000)).toBe(60);
});

test("what is put back is what was not used and has not flowed back", () => {
  const held = { reserved: 100, used: 30, perMinute: 60 };
  expect(refundOf({ ...held, heldMs: 0 })).toBe(70);
  expect(refundOf({ ...held, heldMs: 20_000 })).toBe(50);
  expect(refundOf({ ...held, heldMs: 90_000 })).toBe(0);
  expect(refundOf({ ...held, used: 150, heldMs: 0 })).toBe(0);
});

test("settling leaves a bucket as if only what was used had been taken at the start", () => {
  fc.assert(
    fc.property(
      perMinute,
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 0, max: 120_000 }),
      (limit, reservedPart, usedPart, heldMs) => {
        const reserved = Math.floor(limit * reservedPart);
        const used = Math.floor(reserved * usedPart);
        const start = { perMinute: limit, nowMs: 1_000 };
        const end = { perMinute: limit, nowMs: 1_000 + heldMs };
        const amount = refundOf({ reserved, used, perMinute: limit, heldMs });
        const settled = givenBack(drawn(neverDrawnMs, { amount: reserved, ...start }), {
          amount,
          ...end,
        });
        const exact = drawn(neverDrawnMs, { amount: used, ...start });
        const left = (fullAtMs: number) => Math.max(0, fullAtMs - end.nowMs);
        // Never fuller than that; short of it by no more than what flowed back meanwhile.
        expect(left(settled)).toBeGreaterThanOrEqual(left(exact) - 0.01);
        expect(left(settled)).toBeLessThanOrEqual(left(exact) + heldMs + 0.01);
      },
    ),
  );
});
