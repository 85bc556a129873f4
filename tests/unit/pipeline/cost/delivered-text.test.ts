import fc from "fast-check";
import { expect, test } from "vitest";

import { isJsonObject } from "../../../../src/lib/json-text.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";
import { answerText } from "../../../../src/pipeline/cost/answer-text.ts";
import { spokenStrings } from "../../../../src/pipeline/cost/event-strings.ts";
import { DeliveredText, keptCharactersMax } from "../../../../src/pipeline/cost/delivered-text.ts";
import type { Endpoint } from "../../../../src/protocol/endpoints.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import type { SseEvent } from "../../../../src/protocol/sse.ts";

/** What of an event is delivered, read the slow way. */
type Read = (event: JsonObject) => string;
interface Stream {
  readonly endpoint: Endpoint;
  readonly event: fc.Arbitrary<{ readonly name: string; readonly value: JsonObject }>;
  readonly read: Read;
}

const hard = fc.constantFrom(
  '"',
  "\\",
  '\\"',
  "\n\r\t\b\f\u0000\u2028",
  "日本語",
  "😀",
  "\ud83d",
  "\ude00",
  '{"delta":{"content":"no"}}',
  '"text":"',
  "}]",
);
const text = fc
  .array(fc.oneof(hard, fc.string({ unit: "binary", maxLength: 8 })), { maxLength: 5 })
  .map((pieces) => pieces.join(""));
const textOrNone = fc.oneof(text, fc.constant(null));
const record = (fields: Record<string, fc.Arbitrary<unknown>>) =>
  fc.record(fields, { requiredKeys: [] });
/** What else a vendor may write, with the names that matter where they do not count. */
const other = record({
  id: text,
  content: fc.array(record({ token: text, text, name: text }), { maxLength: 2 }),
  metadata: record({ arguments: text, text, content: text, thinking: text }),
});

const str = (value: unknown): string => (typeof value === "string" ? value : "");
const list = (value: unknown): JsonObject[] =>
  Array.isArray(value) ? value.filter(isJsonObject) : [];
const inside = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

const call = record({
  index: fc.nat(),
  function: record({ name: textOrNone, arguments: text }),
  custom: record({ name: text, input: text }),
});
const delta = record({
  role: fc.constant("assistant"),
  content: textOrNone,
  refusal: textOrNone,
  reasoning: textOrNone,
  reasoning_content: textOrNone,
  tool_calls: fc.array(call, { maxLength: 2 }),
  annotations: fc.array(other, { maxLength: 1 }),
});
const chatChunk = record({
  model: fc.oneof(text, fc.constant("delta")),
  choices: fc.array(record({ index: fc.nat(), delta, logprobs: other }), { maxLength: 2 }),
  usage: fc.oneof(other, fc.constant(null)),
});

/** In the order in which they are written, whatever that is. */
function readDelta(value: unknown, hasThoughts: boolean): string {
  return Object.entries(inside(value))
    .map(([name, field]) => {
      if (name === "content" || name === "refusal" || name === "reasoning_content")
        return str(field);
      if (name === "reasoning") return hasThoughts ? "" : str(field);
      if (name !== "tool_calls") return "";
      return list(field)
        .flatMap((each) => Object.values(each))
        .filter(isJsonObject)
        .flatMap((each) => Object.values(each))
        .map(str)
        .join("");
    })
    .join("");
}

const streams: Readonly<Record<string, Stream>> = {
  chat: {
    endpoint: "chat",
    event: chatChunk.map((value) => ({ name: "", value })),
    read: ({ choices }) => {
      const deltas = list(choices).map(({ delta }) => inside(delta));
      const hasThoughts = deltas.some((each) => str(each["reasoning_content"]) !== "");
      return deltas.map((each) => readDelta(each, hasThoughts)).join("");
    },
  },
  completions: {
    endpoint: "completions",
    event: record({
      id: text,
      choices: fc.array(record({ text: textOrNone, index: fc.nat(), logprobs: other }), {
        maxLength: 3,
      }),
      usage: other,
    }).map((value) => ({ name: "", value })),
    read: ({ choices }) =>
      list(choices)
        .map((choice) => str(choice["text"]))
        .join(""),
  },
  responses: {
    endpoint: "responses",
    event: fc.oneof(
      fc
        .tuple(
          fc.constantFrom(
            "response.output_text.delta",
            "response.refusal.delta",
            "response.function_call_arguments.delta",
            "response.reasoning_summary_text.delta",
            "response.audio.delta",
            "response.audio.transcript.delta",
          ),
          record({ item_id: text, delta: text, logprobs: fc.array(other, { maxLength: 1 }) }),
          fc.boolean(),
        )
        .map(([type, fields, isNamed]) => ({
          name: isNamed ? type : "",
          value: { type, ...fields },
        })),
      record({ response: record({ output: fc.array(other), text }), text }).map((fields) => ({
        name: "response.completed",
        value: { type: "response.completed", ...fields },
      })),
      record({ name: text, arguments: text }).map((item) => ({
        name: "response.output_item.added",
        value: { type: "response.output_item.added", item },
      })),
    ),
    read: ({ type, delta, item }) => {
      if (type === "response.output_item.added") return str(inside(item)["name"]);
      return str(type).endsWith(".delta") && type !== "response.audio.delta" ? str(delta) : "";
    },
  },
  messages: {
    endpoint: "messages",
    event: fc.oneof(
      record({
        type: fc.constantFrom("text_delta", "thinking_delta", "input_json_delta"),
        text,
        thinking: text,
        partial_json: text,
        signature: text,
        citation: other,
      }).map((fields) => ({
        name: "content_block_delta",
        value: { type: "content_block_delta", index: 0, delta: fields },
      })),
      record({ type: fc.constant("tool_use"), id: text, name: text, input: other }).map(
        (block) => ({
          name: "content_block_start",
          value: { type: "content_block_start", content_block: block },
        }),
      ),
      record({ usage: other, delta: record({ stop_reason: text }) }).map((fields) => ({
        name: "message_delta",
        value: { type: "message_delta", ...fields },
      })),
    ),
    read: ({ delta, content_block: block }) =>
      Object.entries({ ...inside(delta), ...inside(block) })
        .filter(([name]) => ["text", "thinking", "partial_json", "name"].includes(name))
        .map(([, value]) => str(value))
        .join(""),
  },
};

/** As different writers of JSON would: tightly, with spaces, or in ASCII alone. */
const writers: readonly ((value: unknown) => string)[] = [
  (value) => JSON.stringify(value),
  (value) => JSON.stringify(value, null, 1).replaceAll("\n", " "),
  (value) =>
    JSON.stringify(value).replaceAll(
      /[\u007f-\uffff]/g,
      (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
    ),
];

test.each(Object.keys(streams))("a stream of %s is gathered as if it were parsed", (name) => {
  const stream = streams[name];
  if (stream === undefined) throw new Error(name);
  const events = fc.array(fc.tuple(stream.event, fc.constantFrom(...writers)), { maxLength: 6 });
  fc.assert(
    fc.property(events, fc.boolean(), (written, areTogether) => {
      const delivered = new DeliveredText(stream.endpoint);
      const made = written.map(([event, write]) => makeEvent(write(event.value), event.name));
      if (areTogether) delivered.add(made);
      else for (const event of made) delivered.add([event]);
      const expected = written.map(([event]) => stream.read(event.value)).join("");
      expect(delivered.text).toBe(expected);
      expect(delivered.characters).toBe(expected.length);
      expect(delivered.isTruncated).toBe(false);
    }),
    { numRuns: 1_000 },
  );
});

const chunk = (content: string): SseEvent =>
  makeEvent(`{"choices":[{"index":0,"delta":{"content":${JSON.stringify(content)}}}]}`);

test("an endless stream is counted to its end and kept up to the bound", () => {
  const delivered = new DeliveredText("chat");
  const sentence = 'He said "日本" \\ and\n';
  for (let count = 0; count < 10_000; count++) delivered.add([chunk(sentence)]);
  expect(delivered.characters).toBe(10_000 * sentence.length);
  expect(delivered.isTruncated).toBe(true);
  expect(sentence.repeat(10_000).startsWith(delivered.text)).toBe(true);
  expect(delivered.text.length).toBeGreaterThan(keptCharactersMax * 0.75);
  expect(delivered.text.length).toBeLessThanOrEqual(keptCharactersMax);
});

test("no escape is cut in two at the bound", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 14 }), text, (shift, last) => {
      const delivered = new DeliveredText("chat");
      const first = "x".repeat(keptCharactersMax - shift);
      const tail = `${last}\u0001\\\\\\"\n${last}`;
      delivered.add([chunk(first), chunk(tail), chunk("after")]);
      expect(delivered.isTruncated).toBe(true);
      expect((first + tail).startsWith(delivered.text)).toBe(true);
      expect(delivered.text.length).toBeGreaterThanOrEqual(first.length);
      expect(delivered.characters).toBe(first.length + tail.length + 5);
    }),
  );
});

test("what is no JSON, or breaks off, spoils nothing and never throws", () => {
  const whole = `{"choices":[{"delta":{"content":"a\\"b","tool_calls":[{"function":{"arguments":"{}"}}]}}]}`;
  const garbage = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.nat(whole.length).map((end) => whole.slice(0, end)),
    fc.constantFrom(
      '{"delta":"',
      '"delta"',
      '"delta":',
      '{"delta":{"content":"\\',
      "[DONE]",
      "",
      '{"delta":{"content":"a\\x"}}',
    ),
  );
  const endpoints: readonly Endpoint[] = ["chat", "completions", "responses", "messages"];
  const names = ["", "content_block_start", "content_block_delta", "response.output_text.delta"];
  fc.assert(
    fc.property(
      fc.constantFrom(...endpoints),
      fc.array(fc.tuple(garbage, fc.constantFrom(...names)), { maxLength: 4 }),
      (endpoint, events) => {
        const delivered = new DeliveredText(endpoint);
        delivered.add(events.map(([data, name]) => ({ raw: Buffer.from(data), name, data })));
        delivered.add([{ raw: Buffer.from(":\n\n"), name: "", data: undefined }]);
        expect(delivered.text.length).toBeLessThanOrEqual(100 * 4);
        expect(delivered.characters).toBeGreaterThanOrEqual(0);
      },
    ),
    { numRuns: 2_000 },
  );
});

test("the text of a whole answer is what its stream would have delivered", () => {
  const tool_calls = [{ function: { name: "f", arguments: '{"a":1}' } }];
  const message = { content: "Hello", reasoning_content: "Hm.", reasoning: "Hm.", tool_calls };
  expect(answerText("chat", { choices: [{ message }, { message: { refusal: "No." } }] })).toBe(
    'Hm.Hellof{"a":1}No.',
  );
  expect(answerText("completions", { choices: [{ text: "a" }, { text: "b" }] })).toBe("ab");
  const output = [
    { type: "reasoning", summary: [{ text: "Hm." }] },
    { type: "message", content: [{ type: "output_text", text: "Hello" }, { refusal: "No." }] },
    { type: "function_call", name: "f", arguments: "{}" },
  ];
  expect(answerText("responses", { output })).toBe("Hm.HelloNo.f{}");
  const content = [
    { type: "thinking", thinking: "Hm.", signature: "xyz" },
    { type: "text", text: "Hello" },
    { type: "tool_use", name: "f", input: { a: 1 } },
  ];
  expect(answerText("messages", { content })).toBe('Hm.Hellof{"a":1}');
  expect(answerText("embeddings", { data: [{ embedding: [1] }] })).toBe("");
  expect(answerText("chat", { choices: "none" })).toBe("");
});

const eventOf = (value: object, name = ""): SseEvent => makeEvent(JSON.stringify(value), name);

test("what is spoken is what is delivered without the thoughts", () => {
  const spoken = (endpoint: Endpoint, ...events: readonly SseEvent[]): string => {
    const text = new DeliveredText(endpoint, spokenStrings);
    text.add(events);
    return text.text;
  };
  const chat = (delta: object): SseEvent => eventOf({ choices: [{ delta }] });
  expect(
    spoken(
      "chat",
      chat({ reasoning_content: "Hm." }),
      chat({ reasoning: "Hm." }),
      chat({ content: "Yes" }),
      chat({ refusal: "No" }),
      chat({ tool_calls: [{ function: { name: "find", arguments: "{}" } }] }),
    ),
  ).toBe("YesNofind{}");
  expect(
    spoken(
      "messages",
      eventOf({ delta: { type: "thinking_delta", thinking: "Hm." } }, "content_block_delta"),
      eventOf({ delta: { type: "text_delta", text: "Yes" } }, "content_block_delta"),
    ),
  ).toBe("Yes");
  expect(
    spoken(
      "responses",
      eventOf({ delta: "Hm." }, "response.reasoning_summary_text.delta"),
      eventOf({ type: "response.reasoning_text.delta", delta: "Hm." }),
      eventOf({ delta: "Yes" }, "response.output_text.delta"),
    ),
  ).toBe("Yes");
});
