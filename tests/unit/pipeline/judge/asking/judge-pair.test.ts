import { expect, test } from "vitest";

import {
  answerEquivalence,
  pairwisePreference,
} from "../../../../../src/pipeline/judge/evaluators/built-in/pairs.ts";
import {
  aPair,
  materialIn,
  says,
  scriptedJudge,
  verdictOf,
} from "../../../../support/scripted-judge.ts";

const preferring = { evaluator: pairwisePreference, judged: aPair };
const comparing = { evaluator: answerEquivalence, judged: aPair };

/** Which of the two answers is shown first. */
const isAsGiven = (material: string): boolean =>
  material.indexOf("Two miles.") < material.indexOf("Far.");

test("a pair is judged in both orders, and a verdict that stays is a preference", async () => {
  const judge = scriptedJudge((body) =>
    verdictOf(isAsGiven(materialIn(body)) ? "first" : "second"),
  );
  expect(await judge.run(preferring)).toMatchObject({
    kind: "scored",
    score: 1,
    label: "first",
    samples: 2,
    ordersAgree: true,
    orders: { given: "first", swapped: "first" },
    spend: { calls: 2 },
  });
  const marks = judge.asked.map((body) => /<<<QUESTION (\w+)>>>/.exec(materialIn(body))?.[1]);
  expect(new Set(marks).size).toBe(2);
});

test("a preference that flips with the order is a tie", async () => {
  const judge = scriptedJudge(() => verdictOf("first"));
  expect(await judge.run(preferring)).toMatchObject({
    score: 0.5,
    label: "tie",
    ordersAgree: false,
    orders: { given: "first", swapped: "second" },
  });
});

test("a tie in both orders is a tie on which they agree", async () => {
  const judge = scriptedJudge(() => verdictOf("tie"));
  expect(await judge.run(preferring)).toMatchObject({
    score: 0.5,
    label: "tie",
    ordersAgree: true,
  });
});

test("two answers are the same only if they are in both orders", async () => {
  const same = scriptedJudge(() => says("SAME"));
  expect(await same.run(comparing)).toMatchObject({ score: 1, label: "same", ordersAgree: true });
  const flipping = scriptedJudge((_, index) => says(index === 0 ? "same" : "different"));
  expect(await flipping.run(comparing)).toMatchObject({
    score: 0,
    label: "different",
    ordersAgree: false,
    orders: { given: "same", swapped: "different" },
  });
});

test("the second order is not asked if the first came to nothing, and one alone is no verdict", async () => {
  const judge = scriptedJudge(() => says("Hm."));
  expect(await judge.run(preferring)).toMatchObject({ kind: "failed", spend: { calls: 2 } });
  const half = scriptedJudge((_, index) => (index === 0 ? verdictOf("first") : says("Hm.")));
  expect(await half.run(preferring)).toMatchObject({ kind: "failed", spend: { calls: 3 } });
});

test("one order is one call, left to chance, and its verdict is on the pair as it was given", async () => {
  const judge = scriptedJudge((body) =>
    verdictOf(isAsGiven(materialIn(body)) ? "first" : "second"),
  );
  for (let at = 0; at < 100; at++) {
    const verdict = await judge.run({ ...preferring, orders: "one" });
    expect(verdict).toMatchObject({ score: 1, label: "first", samples: 1, spend: { calls: 1 } });
    expect(verdict).not.toHaveProperty("ordersAgree");
  }
  const asGiven = judge.asked.filter((body) => isAsGiven(materialIn(body))).length;
  expect(asGiven).toBeGreaterThan(30);
  expect(asGiven).toBeLessThan(70);
});
