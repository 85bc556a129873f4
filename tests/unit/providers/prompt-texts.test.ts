import { expect, test } from "vitest";

import { fromObject, readJsonObject } from "../../../src/lib/json-text.ts";
import type { JsonObject } from "../../../src/lib/json-text.ts";
import { promptTextsIn, promptTextsOf } from "../../../src/providers/prompt-texts.ts";

const of = (request: JsonObject) => promptTextsOf(request);
const message = (content: unknown, role = "user") => ({ role, content });

test("gathers the texts of a chat, its tool calls and tools, and never base64", () => {
  const base64 = "A".repeat(50_000);
  const { texts, otherTokens } = of({
    messages: [
      message("You help.", "system"),
      { ...message([{ type: "text", text: "Look" }]), name: "ann" },
      message([
        { type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } },
        { type: "input_audio", input_audio: { data: base64, format: "mp3" } },
        { type: "file", file: { file_data: base64 } },
      ]),
      { role: "assistant", content: null, tool_calls: [{ function: { name: "f" } }] },
    ],
    tools: [{ type: "function", function: { name: "f" } }],
    response_format: { type: "json_object" },
  });
  expect(texts).toEqual([
    "You help.",
    "ann",
    "Look",
    '{"name":"f"}',
    '[{"type":"function","function":{"name":"f"}}]',
    '{"type":"json_object"}',
  ]);
  expect(otherTokens).toBe(4 * 4 + 1 + 1_600 + 50 + 3_000 + 3);
});

test("gathers what Anthropic's clients send", () => {
  const base64 = "A".repeat(150_000);
  const { texts, otherTokens } = of({
    system: [{ type: "text", text: "You help." }],
    messages: [
      message([
        { type: "image", source: { type: "base64", data: base64 } },
        { type: "document", source: { type: "base64", data: base64 } },
        { type: "document", source: { type: "text", data: "A letter." } },
        { type: "tool_result", content: [{ type: "text", text: "Rain." }] },
      ]),
      message(
        [
          { type: "thinking", thinking: "Hm.", signature: base64 },
          { type: "redacted_thinking", data: base64 },
          { type: "tool_use", name: "f", input: { a: 1 } },
        ],
        "assistant",
      ),
    ],
  });
  expect(texts).toEqual(["You help.", "A letter.", "Rain.", "Hm.", "f", '{"a":1}']);
  expect(otherTokens).toBe(2 * 4 + 1_600 + 6_000 + 3);
});

test("gathers the items of a response, and what completions and embeddings take", () => {
  const { texts } = of({
    instructions: "Be short.",
    input: [
      message([{ type: "input_text", text: "Hello" }]),
      { type: "function_call", name: "f", arguments: "{}" },
      { type: "function_call_output", output: "Rain." },
      {
        type: "reasoning",
        summary: [{ type: "summary_text", text: "Hm." }],
        encrypted_content: "x",
      },
    ],
  });
  expect(texts).toEqual(["Be short.", "Hello", "f", "{}", "Rain.", "Hm."]);
  expect(of({ prompt: ["a", "b"] })).toEqual({ texts: ["a", "b"], otherTokens: 0, isWhole: true });
  expect(of({ input: "a" })).toEqual({ texts: ["a"], otherTokens: 0, isWhole: true });
  expect(of({ input: [1, 2, 3] }).otherTokens).toBe(3);
  expect(of({ input: [[1, 2], [3]] }).otherTokens).toBe(3);
});

test("tools are read as they were sent", () => {
  const sent = '{"tools": [ {"type": "function"} ], "messages": []}';
  const json = readJsonObject(sent, 10);
  if ("problem" in json) throw new Error(json.problem);
  expect(promptTextsIn(json).texts).toEqual([' [ {"type": "function"} ]']);
});

test("a request of a million parts is not walked to its end, and says so", () => {
  const part = { type: "text", text: "a" };
  const content = Array.from({ length: 1_000_000 }, () => part);
  const { texts, isWhole } = of({ messages: [message(content)] });
  expect(isWhole).toBe(false);
  expect(texts.length).toBeLessThan(30_000);
});

test("what is not as it should be is left out", () => {
  const strange = {
    messages: [null, 3, "text", { role: "user" }, message([null, 3, { type: "image_url" }, {}])],
    tools: "none",
    system: 3,
    input: { type: "document" },
    prompt: null,
  };
  expect(of(strange).texts).toEqual(["text"]);
  expect(promptTextsIn(fromObject({})).texts).toEqual([]);
});
