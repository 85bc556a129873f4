import fc from "fast-check";
import { expect, test } from "vitest";

import { readItem } from "../../../../src/cli/judge/read-item.ts";

const read = (line: object) => readItem(JSON.stringify(line));
const itemOf = (line: object) => {
  const result = read(line);
  if (result.kind !== "item") throw new Error(JSON.stringify(result));
  return result.item;
};

const pair = { instruction: "Sort.", output_1: "a b", output_2: "b a", human_label: 1 };
const answer = { question: "Why?", answer: "Because." };

test("a pair is read, with the verdicts of both orders that were recorded", () => {
  const recorded = { judge: { "swap=False": "1", "swap=True": "2" }, mute: null };
  const item = itemOf({ ...pair, id: "set/part#1", recorded });
  expect(item).toMatchObject({
    kind: "pair",
    id: "set/part#1",
    subject: { kind: "pair", question: "Sort.", first: "a b", second: "b a" },
    humanLabel: "first",
    humanScore: null,
  });
  expect([...item.recorded]).toEqual([
    ["judge", { label: "first", score: null, labelSwapped: "second" }],
    ["mute", { label: null, score: null, labelSwapped: null }],
  ]);
});

test("a single answer is read by any of its names, with a label, a score or several scores", () => {
  expect(itemOf({ ...answer, human_label: 4 })).toMatchObject({ humanLabel: "4" });
  expect(itemOf({ ...answer, label: "good" })).toMatchObject({ humanLabel: "good" });
  expect(itemOf({ ...answer, label: true })).toMatchObject({ humanLabel: null, humanScore: 1 });
  expect(itemOf({ ...answer, human_score: 0.25 })).toMatchObject({ humanScore: 0.25 });
  expect(
    itemOf({ objective: "Do it.", response: "No.", human_scores: [1, 0, 1, 1], context: "c" }),
  ).toMatchObject({
    kind: "answer",
    subject: { question: "Do it.", answer: "No.", conversation: "c", system: "" },
    humanLabel: null,
    humanScore: 0.75,
  });
});

test("two answers that are to be the same are read", () => {
  const line = { question: "Why?", answer_1: "a", answer_2: "b", human_label: false };
  expect(itemOf({ ...line, recorded: { judge: "same" } })).toMatchObject({
    kind: "equivalence",
    humanLabel: "different",
    subject: { kind: "pair", first: "a", second: "b" },
  });
});

test.for([
  ["no JSON at all", "{", "is no JSON"],
  ["a list", "[]", "is no JSON object"],
  ["nothing to judge", "{}", 'has nothing to judge: it must have "output_1"'],
  ["no question", JSON.stringify({ answer: "x", label: 1 }), 'has no "question" or "instruction"'],
  ["half a pair", JSON.stringify({ ...pair, output_2: null }), 'has no "output_2"'],
  ["no label", JSON.stringify(answer), 'has no "human_label", "label", "human_score"'],
  ["another label", JSON.stringify({ ...pair, human_label: 3 }), 'is not 1, 2 or "tie"'],
  ["a score above 1", JSON.stringify({ ...answer, human_score: 4 }), "no number from 0 to 1"],
  ["scores of nobody", JSON.stringify({ ...answer, human_scores: [] }), "no list of numbers"],
  ["a label of two words", JSON.stringify({ ...answer, label: "very good" }), "is no label"],
  ["text that is none", JSON.stringify({ ...pair, output_1: 7 }), '"output_1" that is no text'],
  [
    "a recorded verdict that is none",
    JSON.stringify({ ...pair, recorded: { judge: { "swap=False": "3" } } }),
    'has a "recorded.judge" that is not 1, 2 or "tie"',
  ],
] as const)("a line with %s says what is wrong", ([, line, problem]) => {
  const result = readItem(line);
  expect(result).toMatchObject({ kind: "problem" });
  expect(result.kind === "problem" && result.problem).toContain(problem);
});

test("any text is an item, blank or a problem, and never anything else", () => {
  const names = ["output_1", "output_2", "answer", "answer_1", "answer_2", "question", "id"];
  const fields = [...names, "human_label", "human_scores", "label", "recorded", "instruction"];
  const lines = fc.oneof(
    fc.string(),
    fc.json(),
    fc
      .dictionary(fc.constantFrom(...fields), fc.oneof(fc.string(), fc.jsonValue()))
      .map((line) => JSON.stringify(line)),
  );
  fc.assert(
    fc.property(lines, (text) => {
      const result = readItem(text);
      expect(["item", "blank", "problem"]).toContain(result.kind);
      if (result.kind !== "item") return;
      const { humanLabel, humanScore } = result.item;
      expect(humanLabel === null && humanScore === null).toBe(false);
    }),
  );
});

test("what a pair says comes out as it was written", () => {
  const text = fc.string({ minLength: 1, unit: "grapheme" });
  const labels = fc.constantFrom([1, "first"], ["2", "second"], ["tie", "tie"]);
  fc.assert(
    fc.property(text, text, text, labels, (instruction, output_1, output_2, [human, label]) => {
      const item = itemOf({ instruction, output_1, output_2, human_label: human });
      expect(item.humanLabel).toBe(label);
      expect(item.subject).toEqual({
        kind: "pair",
        question: instruction,
        first: output_1,
        second: output_2,
      });
    }),
  );
});
