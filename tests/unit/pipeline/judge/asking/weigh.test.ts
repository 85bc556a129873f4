import fc from "fast-check";
import { expect, test } from "vitest";

import type { JsonObject } from "../../../../../src/lib/json-text.ts";
import { answerEquivalence } from "../../../../../src/pipeline/judge/evaluators/built-in/pairs.ts";
import type { Evaluator } from "../../../../../src/pipeline/judge/evaluators/evaluator.ts";
import { readVerdict } from "../../../../../src/pipeline/judge/asking/read-verdict.ts";
import { weighedScore } from "../../../../../src/pipeline/judge/asking/weigh.ts";
import { rating, saysTokens, scriptedJudge, token } from "../../../../support/scripted-judge.ts";

function weigh(completion: JsonObject, evaluator: Evaluator = rating): number | undefined {
  const said = readVerdict(completion, evaluator);
  if (said.kind !== "verdict") throw new Error("It is no verdict.");
  return weighedScore(completion, said, evaluator);
}

type Top = Readonly<Record<string, number>>;

/** The reason speaks of labels too: the token is found by its place. */
const rated = (label: string, top: Top): JsonObject =>
  saysTokens([
    token('{"reason":"'),
    token("3", { "3": 0.9, "1": 0.1 }),
    token(' of 3 – né","label":"'),
    token(label, top),
    token('"}'),
  ]);

test("the score is the mean of the labels' scores by how probable each was", () => {
  expect(weigh(rated("2", { "2": 0.6, "3": 0.3, "1": 0.1 }))).toBeCloseTo(0.6);
});

test("what is no label does not count, and the rest is taken for the whole", () => {
  expect(weigh(rated("2", { "2": 0.4, "3": 0.4, "7": 0.1, " 3": 0.1 }))).toBeCloseTo(0.75);
});

test("labels that hold less than half of the probability are not weighed", () => {
  expect(weigh(rated("2", { "2": 0.3, "3": 0.1, x: 0.6 }))).toBeUndefined();
});

test("what does not apply has no part in the mean", () => {
  expect(weigh(rated("3", { "3": 0.5, "1": 0.25, not: 0.25 }))).toBeCloseTo(2 / 3);
});

test("a token may have the quotation marks in it, or be the beginning of a label", () => {
  const joined = saysTokens([
    token('{"reason":"r","label":'),
    token('"2"', { '"2"': 0.5, '"3"}': 0.5 }),
    token("}"),
  ]);
  expect(weigh(joined)).toBeCloseTo(0.75);
  const number = saysTokens([
    token('{"reason":"r","label":'),
    token(" 2", { " 2": 0.5, " 3": 0.5 }),
    token("}"),
  ]);
  expect(weigh(number)).toBeCloseTo(0.75);
  const word = saysTokens([token("S", { S: 0.7, Diff: 0.2, d: 0.1 }), token("AME")]);
  expect(weigh(word, answerEquivalence)).toBeCloseTo(0.7);
});

test("labels that begin with the same token are not weighed", () => {
  const labels = ["1", "2", "10"].map((label, at) => ({ label, score: at / 2, description: "" }));
  const ten = { ...rating, labels };
  expect(weigh(rated("2", { "2": 0.6, "1": 0.4 }), ten)).toBeUndefined();
  expect(weigh(rated("2", { "2": 0.6, '1"': 0.2, "10": 0.2 }), ten)).toBeCloseTo(0.5);
});

test("tokens that are not those of the content, or without alternatives, are not weighed", () => {
  const other = rated("2", { "2": 0.6, "3": 0.4 });
  const choice = (other["choices"] as readonly JsonObject[])[0];
  const withContent = (content: string): JsonObject => ({
    choices: [{ ...choice, message: { content } }],
  });
  expect(weigh(withContent('{"reason":"other","label":"2"}'))).toBeUndefined();
  expect(weigh(rated("2", {}))).toBeUndefined();
  for (const logprobs of [null, {}, { content: null }, { content: [] }, { content: ["x"] }]) {
    expect(weigh({ choices: [{ ...choice, logprobs }] })).toBeUndefined();
  }
});

test("a token that ends the answer, or half a character, is borne", () => {
  const bytes = [...Buffer.from("né")];
  const halves = [bytes.slice(0, 2), bytes.slice(2)].map((part) => ({
    ...token("\ufffd"),
    bytes: part,
  }));
  const tokens = [
    token('{"reason":"'),
    ...halves,
    token('","label":"'),
    token("1", { "1": 0.5, "3": 0.5 }),
    token('"}'),
  ];
  const content = '{"reason":"né","label":"1"}';
  const logprobs = { content: [...tokens, token("<|end|>")] };
  expect(weigh({ choices: [{ message: { content }, logprobs }] })).toBeCloseTo(0.5);
});

test("the answer's own tokens are weighed, and not those of a thought that says the same before it", () => {
  const thoughts = [token("same", { same: 0.9, diff: 0.1 }), token("? ")];
  const logprobs = { content: [...thoughts, token("same", { same: 0.6, diff: 0.4 })] };
  const completion = { choices: [{ message: { content: "same" }, logprobs }] };
  expect(weigh(completion, answerEquivalence)).toBeCloseTo(0.6);
});

test("whatever a provider tells, the score lies between 0 and 1", () => {
  const logprob = fc.oneof(fc.double(), fc.double({ min: -20, max: 0 }));
  const text = fc.constantFrom("1", "2", "3", "not", "x", "", '1"', "3 ");
  const entry = fc.record({ token: text, logprob });
  fc.assert(
    fc.property(fc.array(entry, { maxLength: 20 }), logprob, (top, own) => {
      const chosen = { ...token("2"), logprob: own, top_logprobs: top };
      const score = weigh(saysTokens([token('{"reason":"r","label":"'), chosen, token('"}')]));
      if (score === undefined) return;
      expect(score).toBeGreaterThanOrEqual(0);
      expect(score).toBeLessThanOrEqual(1);
    }),
  );
});

test("a judge that tells log-probabilities is asked once, and the verdict says so", async () => {
  const judge = scriptedJudge(() => rated("2", { "2": 0.6, "3": 0.4 }));
  const evaluator = { ...rating, parameters: { ...rating.parameters, samples: 5 } };
  const verdict = await judge.run({ evaluator });
  expect(verdict).toMatchObject({
    label: "2",
    method: "logprobs",
    samples: 1,
    spend: { calls: 1 },
  });
  expect(judge.asked[0]).toMatchObject({ logprobs: true, top_logprobs: 5 });
});
