import fc from "fast-check";
import { expect, test } from "vitest";

import {
  ExactCounter,
  Gauge,
  Histogram,
  PlainCounter,
} from "../../../src/telemetry/metrics/cells.ts";
import { quantileOf } from "../../../src/telemetry/metrics/quantile.ts";

test("a scaled counter is exact, however large it grows", () => {
  const units = fc.array(fc.oneof(fc.maxSafeNat(), fc.nat(1_000)), { maxLength: 60 });
  fc.assert(
    fc.property(units, fc.integer({ min: 0, max: 12 }), (increments, fractionDigits) => {
      const counter = new ExactCounter(fractionDigits);
      for (const by of increments) counter.inc(by);
      const total = increments.reduce((sum, by) => sum + BigInt(by), 0n);
      const { text } = numberIn(counter);
      expect(BigInt(text.replace(".", ""))).toBe(total);
      expect(text.split(".")[1] ?? "").toHaveLength(fractionDigits);
    }),
  );
});

test("a nano-dollar is not lost beside ten million dollars", () => {
  const counter = new ExactCounter(9);
  for (let dollars = 0; dollars < 20_000_000; dollars += 1_000_000) counter.inc(1e6 * 1e9);
  counter.inc(1);
  expect(numberIn(counter).text).toBe("20000000.000000001");
});

test("a counter never goes down, and never becomes something that is no number", () => {
  for (const counter of [new PlainCounter(), new ExactCounter(9)]) {
    counter.inc(3);
    for (const nonsense of [-1, NaN, Infinity, -Infinity]) counter.inc(nonsense);
    expect(numberIn(counter).value).toBeGreaterThan(0);
    expect(numberIn(counter).text).toMatch(/^(3|0\.000000003)$/);
  }
});

test("a gauge is what it was set to, and what was added and taken away since", () => {
  const gauge = new Gauge();
  gauge.set(5);
  gauge.inc();
  gauge.inc(2.5);
  gauge.dec(0.5);
  gauge.dec();
  expect(numberIn(gauge)).toEqual({ kind: "number", value: 7, text: "7" });
});

const boundsOf = fc
  .uniqueArray(fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }), {
    minLength: 1,
    maxLength: 20,
    selector: (bound) => bound + 0, // -0 and 0 are one bound.
  })
  .map((bounds) => bounds.map((bound) => bound + 0).toSorted((a, b) => a - b));

test("a histogram counts as if each observation were compared with every bound", () => {
  const observed = fc.array(
    fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e6, max: 1e6 }),
  );
  fc.assert(
    fc.property(boundsOf, observed, (bounds, values) => {
      // The bounds themselves belong to their own buckets.
      const all = [...values, ...bounds];
      const histogram = new Histogram(Float64Array.from(bounds));
      for (const value of all) histogram.observe(value);
      const { buckets, count, sum } = histogram.read();
      expect(count).toBe(all.length);
      expect(sum).toBe(all.reduce((total, value) => total + value, 0));
      expect(
        buckets.map(({ upperBound, cumulativeCount }) => [upperBound, cumulativeCount]),
      ).toEqual(
        [...bounds, Infinity].map((bound) => [bound, all.filter((value) => value <= bound).length]),
      );
    }),
  );
});

test("what is no number is not observed: a sum that is none would stay so", () => {
  const histogram = new Histogram(Float64Array.of(1));
  for (const nonsense of [NaN, Infinity, -Infinity]) histogram.observe(nonsense);
  histogram.observe(0.5);
  expect(histogram.read()).toMatchObject({ count: 1, sum: 0.5 });
});

test("each bucket keeps the trace of its last observation that has one", () => {
  const histogram = new Histogram(Float64Array.of(1, 2));
  const before = Date.now();
  histogram.observe(0.1, "first");
  histogram.observe(0.2, "second");
  histogram.observe(0.3);
  histogram.observe(9, "slow");
  const [low, middle, high] = histogram.read().buckets;
  expect(low?.exemplar).toMatchObject({ traceId: "second", value: 0.2 });
  expect(middle?.exemplar).toBeUndefined();
  expect(high?.exemplar).toMatchObject({ traceId: "slow", value: 9 });
  expect(high?.exemplar?.epochMs).toBeGreaterThanOrEqual(before);
});

test("a percentile lies in the bucket in which the observation lies", () => {
  const bounds = [0.001, 0.01, 0.1, 1, 10];
  const values = fc.array(fc.double({ noNaN: true, min: 0.0001, max: 10 }), { minLength: 1 });
  fc.assert(
    fc.property(values, fc.constantFrom(0.5, 0.95, 0.99), (observed, quantile) => {
      const histogram = new Histogram(Float64Array.from(bounds));
      for (const value of observed) histogram.observe(value);
      const sorted = observed.toSorted((a, b) => a - b);
      const exact = sorted[Math.ceil(quantile * sorted.length) - 1] ?? 0;
      const at = bounds.findIndex((bound) => exact <= bound);
      const estimate = quantileOf(histogram.read(), quantile) ?? NaN;
      expect(estimate).toBeGreaterThanOrEqual(bounds[at - 1] ?? 0);
      expect(estimate).toBeLessThanOrEqual(bounds[at] ?? NaN);
    }),
  );
});

test("a percentile of nothing, or beyond the last bucket, is unknown", () => {
  const histogram = new Histogram(Float64Array.of(1));
  expect(quantileOf(histogram.read(), 0.5)).toBeUndefined();
  histogram.observe(0.5);
  histogram.observe(700);
  expect(quantileOf(histogram.read(), 0.5)).toBe(1);
  expect(quantileOf(histogram.read(), 0.99)).toBeUndefined();
});

function numberIn(cell: PlainCounter | ExactCounter | Gauge) {
  const reading = cell.read();
  if (reading.kind !== "number") throw new Error("It reads as something else");
  return reading;
}
