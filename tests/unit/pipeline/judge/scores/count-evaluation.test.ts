import fc from "fast-check";
import { expect, test } from "vitest";

import { countEvaluation } from "../../../../../src/pipeline/judge/scores/count-evaluation.ts";
import { charactersMax, judgeSums } from "../../../../../src/pipeline/judge/scores/judge-sums.ts";
import { anAmendment, anEntry } from "../../../../support/audit-builders.ts";
import { aFeedback, anEvaluation, judgedBefore } from "../../../../support/judge-builders.ts";

const entry = anEntry(Date.UTC(2026, 10, 20));
const sumsOf = (different: Parameters<typeof anEvaluation>[1]) =>
  countEvaluation(anEvaluation(entry, different))?.sums;

test("a score adds its own sums, one that is none only its kind and its cost", () => {
  expect(countEvaluation(anEvaluation(entry, { same_family: true }))).toEqual({
    startedEpochMs: Date.UTC(2026, 10, 20),
    key: "key1",
    model: "smart",
    servedModel: "gpt-5",
    provider: "openai",
    evaluator: "relevance",
    version: "0123456789ab",
    judgeModel: "judge-1",
    sums: {
      scored: 1,
      same_family: 1,
      sampled: 1,
      score_millionths: 750_000,
      score_squares: 562_500_000,
      characters: 400,
      character_squares: 160_000,
      score_characters: 3_000_000,
      cost_nano_usd: 1_500,
    },
  });
  const none = { score: null, label: null, is_repaired: true };
  expect(sumsOf({ status: "not_applicable", ...none })).toEqual({
    not_applicable: 1,
    repaired: 1,
    cost_nano_usd: 1_500,
  });
  expect(sumsOf({ status: "failed", failure: "timeout", ...none, cost_nano_usd: 0 })).toEqual({
    failed: 1,
    repaired: 1,
  });
  expect(sumsOf({ status: "failed", failure: "daily_cap", score: null, cost_nano_usd: 0 })).toEqual(
    {
      capped: 1,
    },
  );
});

test("feedback adds a pair where the evaluator had given a score, and none for a comment", () => {
  const pair = { evaluator: "relevance", score: 0.25, judged: judgedBefore(0.75) };
  expect(countEvaluation(aFeedback(entry, pair))).toMatchObject({
    evaluator: "relevance",
    version: "0123456789ab",
    judgeModel: "judge-1",
    sums: {
      feedback: 1,
      feedback_scored: 1,
      feedback_millionths: 250_000,
      pairs: 1,
      pair_judge_millionths: 750_000,
      pair_human_millionths: 250_000,
      pair_difference_squares: 250_000_000,
    },
  });
  const comment = { ...pair, score: null, comment: "why?" };
  expect(countEvaluation(aFeedback(entry, comment))?.sums).toEqual({ feedback: 1 });
  const general = countEvaluation(aFeedback(entry, { score: 0, request: null, key: "k" }));
  expect(general).toMatchObject({ key: "k", model: "_unknown", evaluator: "", judgeModel: "" });
});

test("what one row adds fits 2^63 a billion times", () => {
  const most = sumsOf({ score: 1, answer_characters: Number.MAX_SAFE_INTEGER, cost_nano_usd: 0 });
  expect(most?.characters).toBe(charactersMax);
  for (const amount of Object.values(most ?? {})) {
    expect(BigInt(amount) * 1_000_000_000n).toBeLessThan(2n ** 63n);
  }
});

test("amendments of other kinds, and data that is not what it should be, count nowhere", () => {
  expect(countEvaluation(anAmendment(entry, { kind: "correction" }))).toBeUndefined();
  expect(countEvaluation(anAmendment(entry))).toBeUndefined();
  const wrong: object[] = [
    { score: 1.01 },
    { score: -0.1 },
    { score: Number.NaN },
    { score: "1" },
    { score: null },
    { answer_characters: -1 },
    { answer_characters: 0.5 },
    { cost_nano_usd: -1 },
    { cost_nano_usd: 2 ** 60 },
    { status: "maybe" },
    { evaluator: 7 },
    { judge_model: null },
    { request: null },
    { request: { key: "k", model: 1, served_model: null, provider: null } },
  ];
  for (const each of wrong) expect(sumsOf(each), JSON.stringify(each)).toBeUndefined();
});

test("whatever the data is, counting never throws and never gives what is no count", () => {
  const field = fc.oneof(fc.jsonValue(), fc.double(), fc.constantFrom("scored", "failed", null, 1));
  const names = Object.keys(anEvaluation(entry).data);
  const feedbackNames = Object.keys(aFeedback(entry).data);
  const data = fc.dictionary(fc.constantFrom(...names, ...feedbackNames), field);
  fc.assert(
    fc.property(fc.constantFrom(anEvaluation(entry), aFeedback(entry)), data, (good, changed) => {
      const count = countEvaluation({ ...good, data: { ...good.data, ...changed } });
      for (const [sum, amount] of Object.entries(count?.sums ?? {})) {
        expect(judgeSums).toContain(sum);
        expect(Number.isSafeInteger(amount) && amount > 0).toBe(true);
      }
    }),
  );
  for (const broken of [null, undefined, 3, "x", []]) {
    const amendment = { ...anEvaluation(entry), data: broken as never };
    expect(countEvaluation(amendment)).toBeUndefined();
    expect(
      countEvaluation({ ...anEvaluation(entry), request_id: broken as never }),
    ).toBeUndefined();
  }
});
