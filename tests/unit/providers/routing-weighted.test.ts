import { expect, test } from "vitest";

import {
  drawFromHash,
  drawFromRandom,
  weightedOrder,
} from "../../../src/providers/routing/weighted-order.ts";
import { seededRandom } from "../../support/seeded-random.ts";

const roundsMax = 100_000;
const weightSets = [
  [1, 1],
  [1, 3],
  [5, 3, 2],
  [0.1, 0.9],
  [70, 20, 7, 3],
  [1, 1, 1, 1, 1],
];

function shares(weights: readonly number[], firstOf: (round: number) => number): number[] {
  const counts = weights.map(() => 0);
  for (let round = 0; round < roundsMax; round++) {
    const first = firstOf(round);
    counts[first] = (counts[first] ?? 0) + 1;
  }
  return counts.map((count) => count / roundsMax);
}

function expectShares(found: readonly number[], weights: readonly number[]): void {
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    expect(Math.abs((found[index] ?? 0) - weight / total)).toBeLessThan(0.01);
  }
}

const firstAtRandom = (weights: readonly number[], random: () => number): number =>
  weightedOrder(weights, () => drawFromRandom(random))[0] ?? -1;

const names = ["a/m", "b/m", "c/m", "d/m", "e/m"];
const orderByHash = (weights: readonly number[], conversation: string): readonly number[] =>
  weightedOrder(weights, (index) => drawFromHash(conversation, names[index] ?? ""));

test.each(weightSets.map((weights) => [weights]))("at random, %j share as written", (weights) => {
  const random = seededRandom(1);
  expectShares(
    shares(weights, () => firstAtRandom(weights, random)),
    weights,
  );
});

test.each(weightSets.map((weights) => [weights]))(
  "among conversations, %j share as written",
  (weights) => {
    expectShares(
      shares(weights, (round) => orderByHash(weights, `conversation ${round}`)[0] ?? -1),
      weights,
    );
  },
);

test("who comes second is shared by the weights that are left", () => {
  const random = seededRandom(2);
  const weights = [6, 3, 1];
  const seconds = [0, 0, 0];
  let rounds = 0;
  while (rounds < roundsMax) {
    const [first, second = 0] = weightedOrder(weights, () => drawFromRandom(random));
    if (first !== 0) continue;
    seconds[second] = (seconds[second] ?? 0) + 1;
    rounds++;
  }
  expect(Math.abs((seconds[1] ?? 0) / rounds - 0.75)).toBeLessThan(0.01);
});

test("a target that goes away moves its own conversations and no other, and has them back when it returns", () => {
  const weights = [5, 3, 2];
  const withoutSecond = (conversation: string): number | undefined =>
    orderByHash(weights, conversation).find((index) => index !== 1);
  let own = 0;
  for (let round = 0; round < 10_000; round++) {
    const conversation = `conversation ${round}`;
    const [first] = orderByHash(weights, conversation);
    // Placed anew among the two that are left, under their own weights and names.
    const left = weightedOrder([5, 2], (index) =>
      drawFromHash(conversation, index === 0 ? "a/m" : "c/m"),
    )[0];
    const moved = left === 0 ? 0 : 2;
    expect(withoutSecond(conversation)).toBe(moved);
    if (first === 1) own++;
    else expect(moved).toBe(first);
  }
  expect(own).toBeGreaterThan(2_800);
  expect(own).toBeLessThan(3_200);
});

test("a weight that grows only draws conversations to itself", () => {
  for (let round = 0; round < 10_000; round++) {
    const conversation = `conversation ${round}`;
    const [before] = orderByHash([5, 3, 2], conversation);
    const [after] = orderByHash([5, 3, 4], conversation);
    if (after !== before) expect(after).toBe(2);
  }
});

test("a weight of 0 comes last, several of them as written, whatever the draw", () => {
  const random = seededRandom(3);
  for (let round = 0; round < 1_000; round++) {
    const order = weightedOrder([0, 1, 0, 2], () => drawFromRandom(random));
    expect(order.slice(2)).toEqual([0, 2]);
    expect(order.slice(0, 2).toSorted()).toEqual([1, 3]);
  }
});

test("a random source that says 0 does no harm", () => {
  expect(weightedOrder([1, 2], () => drawFromRandom(() => 0))).toHaveLength(2);
});
