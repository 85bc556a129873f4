import { expect, test } from "vitest";

import { spokenText } from "../../../../src/pipeline/cache/answer-check/spoken-text.ts";
import type { CachedEndpoint, StoredBody } from "../../../../src/pipeline/cache/cache-store.ts";
import { messageEvents } from "../../../../src/pipeline/cache/replay/message.ts";
import { responseEvents } from "../../../../src/pipeline/cache/replay/response.ts";
import { chunksOf } from "../../../../src/pipeline/cache/replay/choices.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import { streamBody, wholeBody } from "./stored-answers.ts";

const chat: JsonObject = {
  id: "c",
  object: "chat.completion",
  choices: [
    {
      index: 0,
      message: { role: "assistant", content: "It is blue.", reasoning_content: "Let me think." },
      finish_reason: "stop",
    },
  ],
};
const message: JsonObject = {
  id: "m",
  type: "message",
  role: "assistant",
  stop_reason: "end_turn",
  content: [
    { type: "thinking", thinking: "Let me think.", signature: "s" },
    { type: "text", text: "It is" },
    { type: "text", text: "blue." },
  ],
};
const response: JsonObject = {
  id: "r",
  status: "completed",
  output: [
    { type: "reasoning", id: "rs", summary: [{ type: "summary_text", text: "I thought." }] },
    {
      type: "message",
      id: "ms",
      role: "assistant",
      status: "completed",
      content: [{ type: "output_text", text: "It is blue.", annotations: [] }],
    },
  ],
};

const eventsBody = (events: readonly JsonObject[]): StoredBody =>
  streamBody(events.map((event) => makeEvent(JSON.stringify(event))));

const cases: readonly (readonly [CachedEndpoint, JsonObject, readonly JsonObject[], string])[] = [
  ["chat", chat, chunksOf("chat", chat), "It is blue."],
  ["messages", message, messageEvents(message), "It is\nblue."],
  ["responses", response, responseEvents(response), "It is blue."],
];

test("what is read is the same of a whole answer and of a stream, without thoughts", () => {
  for (const [endpoint, whole, events, text] of cases) {
    expect(spokenText({ endpoint, body: wholeBody(whole) })).toBe(text);
    expect(spokenText({ endpoint, body: eventsBody(events) })).toBe(text);
  }
});

test("a refusal is what the user reads", () => {
  const body = wholeBody({ choices: [{ message: { content: null, refusal: "I cannot." } }] });
  expect(spokenText({ endpoint: "chat", body })).toBe("I cannot.");
});

test("what is damaged, empty, or more than text is not compared", () => {
  const chats = [
    "",
    "{",
    "[]",
    { choices: [] },
    { choices: [{ message: null }] },
    { choices: [{ message: { content: " \n" } }] },
    { choices: [{ message: { content: [{ type: "audio" }, { type: "text", text: "a" }] } }] },
  ];
  for (const whole of chats)
    expect(spokenText({ endpoint: "chat", body: wholeBody(whole) })).toBeUndefined();
  const called = { output: [{ type: "function_call", name: "f", arguments: "{}" }] };
  expect(spokenText({ endpoint: "responses", body: wholeBody(called) })).toBeUndefined();
  const damaged: StoredBody = { kind: "events", chunks: [Buffer.from("data: {\n\n")] };
  expect(spokenText({ endpoint: "chat", body: damaged })).toBeUndefined();
});
