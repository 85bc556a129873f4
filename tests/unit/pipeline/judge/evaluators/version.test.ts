import { expect, test } from "vitest";

import { builtInEvaluators } from "../../../../../src/pipeline/judge/evaluators/built-in.ts";
import type { Evaluator } from "../../../../../src/pipeline/judge/evaluators/evaluator.ts";
import { versionOf } from "../../../../../src/pipeline/judge/evaluators/version.ts";
import { rating } from "../../../../support/scripted-judge.ts";

const [one, ...others] = rating.labels;
const parameters = (change: Partial<Evaluator["parameters"]>): Evaluator => ({
  ...rating,
  parameters: { ...rating.parameters, ...change },
});

test("whatever shapes a verdict makes another version", () => {
  const changed: readonly Evaluator[] = [
    rating,
    { ...rating, name: "clearness" },
    { ...rating, subject: "pair" },
    { ...rating, instructions: `${rating.instructions} ` },
    { ...rating, labels: others },
    { ...rating, labels: rating.labels.toReversed() },
    { ...rating, labels: [{ label: "1", score: 0.1, description: "Not at all." }, ...others] },
    { ...rating, labels: [{ label: "1", score: 0, description: "Not." }, ...others] },
    { ...rating, isOrdinal: false },
    { ...rating, model: "gpt-4o-mini" },
    parameters({ temperature: 0.5 }),
    parameters({ maxTokens: 301 }),
    parameters({ samples: 2 }),
    parameters({ logprobs: false }),
    parameters({ reason: false }),
  ];
  expect(new Set(changed.map(versionOf)).size).toBe(changed.length);
  for (const evaluator of changed) expect(versionOf(evaluator)).toMatch(/^[0-9a-f]{12}$/);
});

test("in which order it is written, and who wrote it, does not", () => {
  const { parameters: values, ...rest } = rating;
  const reordered: Evaluator = {
    parameters: {
      reason: values.reason,
      logprobs: values.logprobs,
      samples: values.samples,
      maxTokens: values.maxTokens,
      temperature: values.temperature,
    },
    ...rest,
    labels: [{ description: "Not at all.", score: 0, label: "1" }, ...others],
    source: "yaml",
    model: undefined,
  };
  expect(one?.label).toBe("1");
  expect(versionOf(reordered)).toBe(versionOf(rating));
});

test("every evaluator that comes with Sentinel has its own name, version and anchors", () => {
  expect(builtInEvaluators.map(({ name }) => name)).toEqual([
    "relevance",
    "faithfulness",
    "helpfulness",
    "instruction-following",
    "refusal-correctness",
    "toxicity",
    "answer-equivalence",
    "pairwise-preference",
  ]);
  expect(new Set(builtInEvaluators.map(versionOf)).size).toBe(builtInEvaluators.length);
  for (const { labels } of builtInEvaluators) {
    expect(new Set(labels.map(({ label }) => label)).size).toBe(labels.length);
    const scores = labels.map(({ score }) => score).filter((score) => score !== null);
    expect([Math.min(...scores), Math.max(...scores)]).toEqual([0, 1]);
    expect(labels.every(({ description }) => description !== "")).toBe(true);
  }
});

/** Whoever changes a word of a prompt changes what scores mean. Look at each of them, then take the new ones over. */
test("the versions that come with Sentinel are those that were meant", () => {
  const versions = builtInEvaluators.map((each) => `${each.name}@${versionOf(each)}`);
  expect(versions).toEqual([
    "relevance@ca8dac827b18",
    "faithfulness@e57e40085382",
    "helpfulness@0635065a14a1",
    "instruction-following@e60905bb2f28",
    "refusal-correctness@d6b6c75b1557",
    "toxicity@a43e66caca3c",
    "answer-equivalence@7168297e822c",
    "pairwise-preference@577e82bd1c50",
  ]);
});
