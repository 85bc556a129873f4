import { expect, test } from "vitest";

import { latencyOrder, measured, staleMs } from "../../../src/providers/routing/latency.ts";
import type { LatencyCandidate, Measurement } from "../../../src/providers/routing/latency.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const never = Number.NEGATIVE_INFINITY;
const known = (averageMs: number, atMs = 0): LatencyCandidate => ({
  measurement: { averageMs, atMs },
  exploredAtMs: never,
});
const unknown = (exploredAtMs = never): LatencyCandidate => ({
  measurement: undefined,
  exploredAtMs,
});
const chance = (random: () => number = () => 0.5, nowMs = 0) => ({
  nowMs,
  random,
  exploringShare: 0.1,
});

test("the fastest is first, and the slowest last", () => {
  const { order, explored } = latencyOrder([known(900), known(100), known(300)], chance());
  expect(order).toEqual([1, 2, 0]);
  expect(explored).toBeUndefined();
});

test("those that are nearly as fast as the best take turns at random", () => {
  const random = seededRandom(1);
  const firsts = [0, 0, 0];
  for (let round = 0; round < 9_000; round++) {
    const [first = 0] = latencyOrder([known(100), known(115), known(130)], chance(random)).order;
    firsts[first] = (firsts[first] ?? 0) + 1;
  }
  expect(firsts[2]).toBe(0);
  expect(firsts[0]).toBeGreaterThan(4_200);
  expect(firsts[1]).toBeGreaterThan(4_200);
});

test("one that was never measured is asked at once, and only once while it is under way", () => {
  const before = latencyOrder(
    [known(100), unknown()],
    chance(() => 0.999),
  );
  expect(before).toEqual({ order: [1, 0], explored: 1 });
  const during = latencyOrder([known(100, 5), unknown(0)], chance(undefined, 5));
  expect(during).toEqual({ order: [0, 1], explored: undefined });
});

test("one that did not answer when it was explored is tried again after a while", () => {
  const candidates = [known(100, staleMs), unknown(0)];
  expect(latencyOrder(candidates, chance(undefined, staleMs - 1)).explored).toBeUndefined();
  expect(latencyOrder(candidates, chance(undefined, staleMs)).explored).toBe(1);
});

test("one whose measurement is stale is asked now and then, by the share that was set", () => {
  const random = seededRandom(2);
  const candidates = [known(100, staleMs), known(300, 0)];
  let explored = 0;
  for (let round = 0; round < 10_000; round++) {
    if (latencyOrder(candidates, chance(random, staleMs)).explored === 1) explored++;
  }
  expect(explored).toBeGreaterThan(900);
  expect(explored).toBeLessThan(1_100);
});

test("the only target that is up is not explored", () => {
  expect(latencyOrder([unknown()], chance()).explored).toBeUndefined();
  expect(latencyOrder([], chance())).toEqual({ order: [], explored: undefined });
});

test("an average moves a fifth of the way at least, and most of it after a pause", () => {
  const first = measured(undefined, 100, 0);
  expect(first).toEqual({ averageMs: 100, atMs: 0 });
  expect(measured(first, 200, 0).averageMs).toBeCloseTo(120);
  expect(measured(first, 200, staleMs).averageMs).toBeGreaterThan(175);
});

/** Two targets behind the rule, of which `speeds` says how fast they are at a time; one request each 200 ms. */
function firstsOver(rounds: number, speeds: (round: number) => readonly number[]): number[] {
  const random = seededRandom(3);
  const state = [0, 1].map(() => ({
    measurement: undefined as Measurement | undefined,
    exploredAtMs: never,
  }));
  return Array.from({ length: rounds }, (_, round) => {
    const nowMs = round * 200;
    const { order, explored } = latencyOrder(state, { nowMs, random, exploringShare: 0.1 });
    const first = order[0] ?? 0;
    const chosen = state[first];
    if (chosen === undefined) throw new Error("there is no such target");
    if (explored !== undefined) chosen.exploredAtMs = nowMs;
    const jitter = 0.8 + 0.4 * random();
    chosen.measurement = measured(chosen.measurement, (speeds(round)[first] ?? 0) * jitter, nowMs);
    return first;
  });
}

const countOf = (firsts: readonly number[], target: number): number =>
  firsts.filter((first) => first === target).length;

test("nearly all requests go to the faster target", () => {
  const firsts = firstsOver(1_000, () => [100, 400]);
  expect(countOf(firsts, 0)).toBeGreaterThan(970);
  expect(countOf(firsts, 1)).toBeGreaterThan(5); // It is looked at from time to time.
});

test("when the other becomes faster, requests follow within a minute", () => {
  const firsts = firstsOver(2_000, (round) => (round < 1_000 ? [200, 800] : [200, 50]));
  expect(countOf(firsts.slice(1_300), 1)).toBeGreaterThan(650);
});

test("when the one in use becomes slow, requests leave it within a few answers", () => {
  const firsts = firstsOver(2_000, (round) => (round < 1_000 ? [50, 200] : [800, 200]));
  expect(countOf(firsts.slice(1_010, 1_100), 1)).toBeGreaterThan(80);
});
