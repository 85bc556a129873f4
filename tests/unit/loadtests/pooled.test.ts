import { expect, test } from "vitest";

import { movedBy, pooled } from "../../../loadtests/judge/pooled.ts";

const from = (first: number, count: number): readonly number[] =>
  Array.from({ length: count }, (_, index) => first + index);

test("percentiles are of the answers of all rounds together, by nearest rank", () => {
  expect(pooled([from(1, 50), from(51, 50)])).toEqual({
    p50Ms: 50,
    p95Ms: 95,
    p99Ms: 99,
    slowPercent: 75,
  });
});

test("a difference that every round has is known to be one", () => {
  const without = Array.from({ length: 10 }, (_, round) => from(round, 100));
  const own = without.map((times) => times.map((ms) => ms + 40));
  const { p50Ms, p99Ms } = movedBy(own, without);
  expect(p50Ms?.low).toBeGreaterThan(30);
  expect(p99Ms).toEqual({ low: 40, high: 40 });
});

test("one pause in one round of ten is no difference that is known", () => {
  const without = Array.from({ length: 10 }, () => from(1, 100));
  const own = without.map((times, round) => (round === 3 ? times.map((ms) => ms + 500) : times));
  const { p99Ms } = movedBy(own, without);
  expect(p99Ms?.low).toBeLessThanOrEqual(0);
  expect(p99Ms?.high).toBeGreaterThan(400);
});
