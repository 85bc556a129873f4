import fc from "fast-check";
import { expect, test } from "vitest";

import type { JsonObject } from "../../../../../src/lib/json-text.ts";
import { answerEquivalence } from "../../../../../src/pipeline/judge/evaluators/built-in/pairs.ts";
import { readVerdict } from "../../../../../src/pipeline/judge/asking/read-verdict.ts";
import { rating, says } from "../../../../support/scripted-judge.ts";

const read = (content: unknown) => readVerdict(says(content), rating);
const isVerdict = (content: unknown): boolean => read(content).kind === "verdict";

test("a verdict is the JSON object that was asked for", () => {
  expect(read('{"reason":"It is.","label":"3"}')).toMatchObject({
    label: { label: "3", score: 1 },
    reason: "It is.",
  });
});

test("white space, a fence around all of it and a number for digits leave no doubt", () => {
  const forgiven = [
    ' \n{"reason":"r","label":"3"}\n',
    '```json\n{"reason":"r","label":"3"}\n```',
    '```\n{\n  "reason": "r",\n  "label": "3"\n}\n```\n',
    '{"label":"3","reason":"r"}',
    '{"reason":"r","label":3}',
  ];
  for (const content of forgiven) expect(read(content)).toMatchObject({ label: { score: 1 } });
});

test("whatever else was said is no verdict", () => {
  const others = [
    'The verdict: {"reason":"r","label":"3"}',
    '{"reason":"r","label":"3"} I hope this helps.',
    'x\n```json\n{"reason":"r","label":"3"}\n```',
    '```json\n{"reason":"r","label":"3"}\n```\nDone.',
    '```json {"reason":"r","label":"3"}```',
    '{"reason":"r","label":"3"}{"reason":"r","label":"3"}',
    '[{"reason":"r","label":"3"}]',
    '{"reason":"r","label":"3","score":10}',
    '{"reason":"r","label":"1","label":"3"}',
    '{"label":"3"}',
    '{"reason":null,"label":"3"}',
    '{"reason":"r","label":"4"}',
    '{"reason":"r","label":"3 "}',
    '{"reason":"r","label":"NOT_APPLICABLE"}',
    '{"reason":"r","label":2.5}',
    '{"reason":"r","label":true}',
    '{"reason":"r","label":["3"]}',
    '{"reason":"r","label":"3"',
    '"3"',
    "3",
    "10/10",
  ];
  for (const content of others) expect(isVerdict(content), content).toBe(false);
});

test("a bare word is a verdict only where no reason was asked for, in any case and with a full stop", () => {
  const compare = (content: string) => readVerdict(says(content), answerEquivalence);
  for (const content of ["SAME", " same.\n", "Same", '{"label":"same"}', "```\nsame\n```"]) {
    expect(compare(content)).toMatchObject({ label: { label: "same" }, reason: "" });
  }
  for (const content of ["**SAME**", "same or different", "same same", "SAM", "same..", "yes"]) {
    expect(compare(content)).toMatchObject({ kind: "invalid" });
  }
});

test("what is wrong with a reply is said in our words, never in the judge's", () => {
  for (const content of ["secret", '{"secret":1}', '{"reason":"secret","label":"secret"}']) {
    const reply = read(content);
    expect(reply).toMatchObject({ kind: "invalid", said: content });
    expect(reply.kind === "invalid" && reply.why).not.toContain("secret");
  }
});

test("a completion of any shape is read without a throw", () => {
  const completions: readonly JsonObject[] = [
    {},
    { choices: null },
    { choices: [] },
    { choices: ["x"] },
    { choices: [{ text: "SAME" }] },
    { choices: [{ message: null }] },
    { choices: [{ message: { content: [{ type: "text", text: "3" }] } }] },
  ];
  for (const value of completions) expect(readVerdict(value, rating).kind).toBe("invalid");
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.jsonValue(), (value, choices) => {
      readVerdict({ ...value, choices: [choices] }, rating);
      readVerdict({ choices }, answerEquivalence);
    }),
  );
});

const names = fc.constantFrom("reason", "label", "score", "Label", "__proto__");
const values = fc.oneof(
  fc.constantFrom<unknown>("1", "2", "3", 1, 3, 4, "not_applicable", "none"),
  fc.jsonValue(),
);

test("no JSON is a verdict but that with exactly a reason and a label that there is", () => {
  const labels = new Set(["1", "2", "3", "not_applicable"]);
  fc.assert(
    fc.property(fc.array(fc.tuple(names, values), { maxLength: 4 }), (fields) => {
      const written = fields.map(
        ([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`,
      );
      const byName = new Map(fields);
      const label = byName.get("label");
      const isExact =
        fields.length === 2 &&
        byName.size === 2 &&
        typeof byName.get("reason") === "string" &&
        (typeof label === "string" || typeof label === "number") &&
        labels.has(String(label));
      expect(isVerdict(`{${written.join(",")}}`)).toBe(isExact);
    }),
    { numRuns: 500 },
  );
});

test("no text is a verdict that is not JSON", () => {
  const text = fc.oneof(
    fc.string(),
    fc
      .array(
        fc.constantFrom("{", "}", '"', "reason", "label", ":", ",", "3", "```", "\n", "json", " "),
      )
      .map((parts) => parts.join("")),
  );
  fc.assert(
    fc.property(text, (content) => {
      if (!isVerdict(content)) return;
      const bare = content
        .trim()
        .replace(/^```(?:json)?\s*\n/i, "")
        .replace(/\n```$/, "");
      expect(Object.keys(JSON.parse(bare) as object).toSorted()).toEqual(["label", "reason"]);
    }),
    { numRuns: 300 },
  );
});
