import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { builtInEvaluatorNames } from "../../../src/config/judge-config.ts";
import { readGateway } from "../../../src/config/read-gateway.ts";
import { builtInEvaluators } from "../../../src/pipeline/judge/evaluators/built-in.ts";
import { toEvaluator } from "../../../src/pipeline/judge/evaluators/evaluator-definition.ts";

const reading = (text: string) =>
  readGateway({
    file: { kind: "text", path: "sentinel.yaml", text },
    environment: {},
    listener: undefined,
  });

function evaluatorsOf(text: string) {
  const read = reading(text);
  if (read.kind === "refused") throw new Error(read.problems.join("\n"));
  return read.gateway.judges.map(({ name, input }) => toEvaluator(name, input, "yaml"));
}

function problemsOf(text: string): readonly string[] {
  const read = reading(text);
  return read.kind === "refused" ? read.problems : [];
}

test("the names that are kept for Sentinel are those of the evaluators that it brings along", () => {
  expect(builtInEvaluatorNames).toEqual(builtInEvaluators.map(({ name }) => name));
});

test("an evaluator of the file comes out with its defaults", () => {
  const [politeness] = evaluatorsOf(`
judges:
  politeness:
    instructions: How polite?
    labels:
      - { label: rude, score: 0, description: It insults. }
      - { label: 7, score: 1, description: A YAML number. }
      - { label: not_applicable, score: null, description: There is no answer. }
`);
  expect(politeness).toEqual({
    name: "politeness",
    subject: "answer",
    instructions: "How polite?",
    labels: [
      { label: "rude", score: 0, description: "It insults." },
      { label: "7", score: 1, description: "A YAML number." },
      { label: "not_applicable", score: null, description: "There is no answer." },
    ],
    isOrdinal: false,
    parameters: { temperature: 0, maxTokens: 500, samples: 1, logprobs: true, reason: true },
    source: "yaml",
  });
});

test("a scale stands for its ratings, in order and evenly scored", () => {
  const [stars] = evaluatorsOf(`
judges:
  stars:
    instructions: How good?
    scale: { max: 4, anchors: { 1: Bad., 3: Good., 4: Perfect. } }
    samples: 3
    reason: false
    model: gpt-4o
`);
  expect(stars).toMatchObject({
    labels: [
      { label: "1", score: 0, description: "Bad." },
      { label: "2", score: 0.333333, description: "Between the ratings beside it." },
      { label: "3", score: 0.666667, description: "Good." },
      { label: "4", score: 1, description: "Perfect." },
    ],
    isOrdinal: true,
    model: "gpt-4o",
    parameters: { temperature: 1, maxTokens: 50, samples: 3 },
  });
});

test("pairs say which of two is better, or whether they are the same, and nothing else", () => {
  const pair = (labels: string) => `
judges:
  better:
    instructions: Which is better?
    subject: pair
    labels: [${labels}]
`;
  const label = (name: string, score: number) =>
    `{ label: ${name}, score: ${score}, description: x }`;
  const preference = [label("tie", 0.5), label("second", 0), label("first", 1)].join(", ");
  expect(evaluatorsOf(pair(preference))).toMatchObject([{ subject: "pair", isOrdinal: false }]);
  expect(evaluatorsOf(pair(`${label("same", 1)}, ${label("different", 0)}`))).toHaveLength(1);
  const swapped = [label("tie", 0.5), label("second", 1), label("first", 0)].join(", ");
  for (const wrong of [swapped, `${label("first", 1)}, ${label("second", 0)}`]) {
    expect(problemsOf(pair(wrong))).toEqual([
      "sentinel.yaml, line 6: judges.better.labels must be, for pairs, exactly first (score 1), second (0) and tie (0.5), or same (1) and different (0).",
    ]);
  }
});

test.each([
  ["relevance: { instructions: x, labels: [] }", "judges.relevance is no good name"],
  ["Big: { instructions: x, labels: [] }", "judges.Big is no good name"],
  ["x: { labels: [] }", "judges.x.instructions is missing"],
  ["x: { instructions: x, label: [] }", 'has no field "label" (did you mean "labels"?)'],
  ["x: { instructions: x }", "judges.x.labels is missing"],
  [
    "x: { instructions: x, scale: { min: 0, max: 20, anchors: { 0: a, 20: b } } }",
    "judges.x.scale.max must be above min, and the scale have at most 20 ratings",
  ],
  [
    "x: { instructions: x, scale: { anchors: { 1: a, 5: b, 6: c } } }",
    "judges.x.scale.anchors.6 is not on the scale of 1 to 5",
  ],
  [
    "x: { instructions: x, scale: { min: 1 } }",
    "judges.x.scale.anchors is missing: it must say, by rating, when to give it",
  ],
  [
    "x: { instructions: x, labels: [{ label: Very good, score: 1, description: y }, { label: 2, score: 0, description: z }] }",
    "judges.x.labels[0].label must be 1 to 40 small letters, digits and _",
  ],
  [
    "x: { instructions: x, ordinal: false, scale: { anchors: { 1: a, 5: b } } }",
    "judges.x.ordinal must be left out or true",
  ],
])("%s is refused with the line and the field", (judge, problem) => {
  const [first = ""] = problemsOf(`judges:\n  ${judge}`);
  expect(first).toContain("sentinel.yaml, line 2: ");
  expect(first).toContain(problem);
});

test("the evaluators of sentinel.example.yaml are valid", async () => {
  const text = await readFile(new URL("../../../sentinel.example.yaml", import.meta.url), "utf8");
  const [block = ""] = /^# judges:\n(?:# .*\n)+/m.exec(text) ?? [];
  const whole = block.replace(/^# /gm, "").replace(/^( +)# /gm, "$1");
  expect(evaluatorsOf(whole)).toMatchObject([
    { name: "politeness" },
    { name: "brevity", model: "gpt-4o-mini", parameters: { samples: 3 } },
  ]);
});
