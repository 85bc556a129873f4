import fc from "fast-check";
import { expect, test } from "vitest";

import { answerSaid, storedText } from "../../../../../src/pipeline/judge/sampling/answer-said.ts";
import {
  askedText,
  judgedCharactersMax,
} from "../../../../../src/pipeline/judge/sampling/judged-text.ts";
import { DeliveredText } from "../../../../../src/pipeline/cost/delivered-text.ts";
import { spokenStrings } from "../../../../../src/pipeline/cost/event-strings.ts";
import { fromObject } from "../../../../../src/lib/json-text.ts";
import type { JudgedEndpoint } from "../../../../../src/pipeline/judge/sampling/judged-text.ts";

const request = fromObject({ model: "m" });
const whole = (answer: unknown) => ({
  request,
  answerBytes: Buffer.from(JSON.stringify(answer)),
});
const streamed = (chunks: readonly object[], fields: object = {}) => {
  const spoken = new DeliveredText("chat", spokenStrings);
  const texts = chunks.map((chunk) => JSON.stringify({ choices: [chunk] }));
  spoken.add(texts.map((data) => ({ raw: Buffer.alloc(0), name: "", data })));
  return { request: fromObject({ model: "m", ...fields }), spoken };
};

test("a chat is taken apart into what the app said, the turns before, and the question", () => {
  const asked = askedText("chat", {
    messages: [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Where is Bern?" },
      {
        role: "assistant",
        content: null,
        tool_calls: [{ function: { name: "find", arguments: '{"q":"Bern"}' } }],
      },
      { role: "tool", content: "Bern: Switzerland" },
      { role: "assistant", content: "In Switzerland." },
      { role: "user", content: [{ type: "text", text: "And Rome?" }, { type: "image_url" }] },
    ],
  });
  expect(asked.system).toBe("Be brief.");
  expect(asked.question).toBe("And Rome?\n[image_url]");
  expect(asked.conversation).toBe(
    'user: Where is Bern?\n\nassistant: [calls find({"q":"Bern"})]\n\ntool: Bern: Switzerland\n\nassistant: In Switzerland.',
  );
});

test("tool results that came after the question are part of what the answer is from", () => {
  const asked = askedText("chat", {
    messages: [
      { role: "user", content: "How warm is it?" },
      { role: "assistant", tool_calls: [{ function: { name: "weather", arguments: "{}" } }] },
      { role: "tool", content: "21 degrees" },
    ],
  });
  expect(asked.question).toBe("How warm is it?");
  expect(asked.conversation).toContain("tool: 21 degrees");
});

test("Anthropic's messages give the same parts, tool results among them", () => {
  const asked = askedText("messages", {
    system: [{ type: "text", text: "Be kind." }],
    messages: [
      { role: "user", content: "Warm?" },
      {
        role: "assistant",
        content: [{ type: "tool_use", name: "weather", input: { at: "Bern" } }],
      },
      { role: "user", content: [{ type: "tool_result", content: [{ type: "text", text: "21" }] }] },
    ],
  });
  expect(asked.system).toBe("Be kind.");
  expect(asked.question).toBe("Warm?");
  expect(asked.conversation).toBe('assistant: [calls weather({"at":"Bern"})]\n\ntool: 21');
});

test("Responses' input is a text, or items", () => {
  expect(askedText("responses", { instructions: "Short.", input: "Hi" })).toEqual({
    system: "Short.",
    conversation: "",
    question: "Hi",
  });
  const asked = askedText("responses", {
    input: [
      { role: "user", content: [{ type: "input_text", text: "Warm?" }] },
      { type: "function_call", name: "weather", arguments: "{}" },
      { type: "function_call_output", output: "21" },
    ],
  });
  expect(asked.question).toBe("Warm?");
  expect(asked.conversation).toBe("assistant: [calls weather({})]\n\ntool: 21");
});

test("a whole answer's first choice is judged, without what the model thought", () => {
  const message = { reasoning_content: "Hm", content: "Bern.", refusal: null };
  expect(
    answerSaid("chat", whole({ choices: [{ message }, { message: { content: "Rome." } }] }))?.text,
  ).toBe("Bern.");
  const content = [
    { type: "thinking", thinking: "Hm" },
    { type: "text", text: "Bern." },
  ];
  expect(answerSaid("messages", whole({ content }))?.text).toBe("Bern.");
  const output = [
    { type: "reasoning", summary: [] },
    { type: "message", content: [{ type: "output_text", text: "Bern." }] },
  ];
  expect(answerSaid("responses", whole({ output }))?.text).toBe("Bern.");
  expect(answerSaid("completions", whole({ choices: [{ text: "Bern." }] }))?.text).toBe("Bern.");
});

test("refusals and tool calls are answers too, and nothing is none", () => {
  expect(
    answerSaid("chat", whole({ choices: [{ message: { content: null, refusal: "No." } }] }))?.text,
  ).toBe("No.");
  const calls = [{ function: { name: "find", arguments: "{}" } }];
  expect(answerSaid("chat", whole({ choices: [{ message: { tool_calls: calls } }] }))?.text).toBe(
    "[calls find({})]",
  );
  expect(answerSaid("chat", whole({ choices: [{ message: { content: "" } }] }))).toBeUndefined();
  expect(answerSaid("chat", { request })).toBeUndefined();
});

test("of a stream what was delivered is judged, without the thoughts", () => {
  const said = streamed([
    { delta: { reasoning_content: "Hm." } },
    { delta: { content: "Be" } },
    { delta: { content: "rn." } },
  ]);
  expect(answerSaid("chat", said)).toEqual({ text: "Bern.", characters: 5 });
});

test("a stream of several answers is not judged: their words are mixed in it", () => {
  const chunks = [
    { index: 0, delta: { content: "Be" } },
    { index: 1, delta: { content: "Zu" } },
  ];
  expect(answerSaid("chat", streamed(chunks, { n: 2 }))).toBeUndefined();
  expect(answerSaid("completions", streamed(chunks, { prompt: ["a", "b"] }))).toBeUndefined();
  expect(answerSaid("chat", streamed(chunks, { n: 1 }))).toBeDefined();
  expect(answerSaid("completions", streamed(chunks, { prompt: [1, 2] }))).toBeDefined();
});

test("a stream that was longer than what is kept of it says that it goes on", () => {
  const said = answerSaid("chat", streamed([{ delta: { content: "x".repeat(70_000) } }]));
  expect(said?.characters).toBe(70_000);
  expect(said?.text.endsWith("x\n[…]")).toBe(true);
});

test("an answer that was kept is its text, and nothing where it was cut", () => {
  expect(storedText("chat", '{"choices":[{"mess')).toBe("");
  expect(storedText("chat", JSON.stringify({ choices: [{ message: { content: "Hi" } }] }))).toBe(
    "Hi",
  );
});

test("of endless conversations no more is read than what is shown of them", () => {
  let reads = 0;
  const turn = (index: number) => ({
    role: index === 0 ? "system" : "user",
    get content() {
      reads += 1;
      return `${index} `;
    },
  });
  const messages = Array.from({ length: 50_000 }, (_, index) => turn(index));
  const asked = askedText("chat", { messages });
  expect(asked).toMatchObject({ system: "0 ", question: "49999 " });
  expect(asked.conversation.endsWith("user: 49998 ")).toBe(true);
  expect(reads).toBeLessThan(5_000);
});

test("no part is longer than its bound, however long the conversation is", () => {
  const turns = Array.from({ length: 500 }, (_, index) => ({
    role: "user",
    content: `${index} `.repeat(2_000),
  }));
  const asked = askedText("chat", { messages: turns });
  for (const part of Object.values(asked))
    expect(part.length).toBeLessThan(judgedCharactersMax + 10);
});

test("whatever a client sends or a provider answers, it is taken apart without an error", () => {
  const endpoint = fc.constantFrom<JudgedEndpoint>("chat", "messages", "responses", "completions");
  fc.assert(
    fc.property(
      endpoint,
      fc.dictionary(
        fc.constantFrom("messages", "input", "system", "prompt", "choices", "content", "output"),
        fc.jsonValue(),
      ),
      (each, value) => {
        const asked = askedText(each, value);
        expect(Object.values(asked).every((part) => typeof part === "string")).toBe(true);
        answerSaid(each, whole(value));
      },
    ),
  );
});
