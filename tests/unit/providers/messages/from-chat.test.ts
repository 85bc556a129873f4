import fc from "fast-check";
import { describe, expect, test } from "vitest";

import type { JsonObject } from "../../../../src/lib/json-text.ts";
import type { Usage } from "../../../../src/protocol/usage.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";
import type { SseEvent } from "../../../../src/protocol/sse.ts";
import { decodeExtras } from "../../../../src/providers/messages/carried-extras.ts";
import { plainChat } from "../../../../src/providers/messages/chat-traits.ts";
import { fromChat } from "../../../../src/providers/messages/answer/from-chat.ts";
import { MessageEvents } from "../../../../src/providers/messages/answer/from-chat-events.ts";
import { toChat } from "../../../../src/providers/messages/request/to-chat.ts";
import { ToolNames } from "../../../../src/providers/messages/tool-names.ts";
import { beginTranslation } from "../../../../src/providers/messages/request/translation.ts";
import {
  assembled,
  chunkEvent,
  context,
  dataOfBatches,
  streamOf,
  translatedBatches,
} from "./chat-answers.ts";

const usage: Usage = {
  inputTokens: 100,
  cachedInputTokens: 60,
  cacheWriteTokens: 10,
  outputTokens: 20,
  reasoningTokens: 5,
};

const answer = (message: object, finish = "stop", more: object = {}): JsonObject => ({
  model: "m-1",
  choices: [{ index: 0, message, finish_reason: finish, ...more }],
});

const whole = (message: object, finish?: string, more?: object): JsonObject =>
  fromChat(answer(message, finish, more), undefined, context());

const call = (id: string, args: string, more: object = {}): JsonObject => ({
  id,
  type: "function",
  function: { name: "f", arguments: args },
  ...more,
});

test("a whole answer is a message, and names the model that answered", () => {
  const message = fromChat(answer({ content: "Hello" }), usage, context());
  expect(message).toEqual({
    id: expect.stringMatching(/^msg_[0-9A-Z]{26}$/) as string,
    type: "message",
    role: "assistant",
    model: "m-1",
    content: [{ type: "text", text: "Hello" }],
    stop_reason: "end_turn",
    stop_sequence: null,
    usage: {
      input_tokens: 30,
      cache_creation_input_tokens: 10,
      cache_read_input_tokens: 60,
      output_tokens: 20,
      output_tokens_details: { thinking_tokens: 5 },
    },
  });
});

test.each([
  ["stop", "end_turn"],
  ["length", "max_tokens"],
  ["content_filter", "refusal"],
  ["tool_calls", "end_turn"],
])("an answer without calls that ends with %s ends with %s", (finish, reason) => {
  expect(whole({ content: "a" }, finish)).toMatchObject({ stop_reason: reason });
});

test.each(["tool_calls", "stop", "function_call"])("calls end with tool_use, not %s", (finish) => {
  const calls = { content: null, tool_calls: [call("a", "{}")] };
  expect(whole(calls, finish)).toMatchObject({ stop_reason: "tool_use" });
  expect(whole(calls, "length")).toMatchObject({ stop_reason: "max_tokens" });
});

test("the stop sequence is named where the server tells which it was", () => {
  const given = answer({ content: "a" }, "stop", { stop_reason: "END" });
  const stopped = { stop_reason: "stop_sequence", stop_sequence: "END" };
  expect(fromChat(given, undefined, context({ stopSequences: ["END"] }))).toMatchObject(stopped);
  expect(fromChat(given, undefined, context())).toMatchObject({ stop_reason: "end_turn" });
});

test("a refusal is a text, and the reason to stop", () => {
  expect(whole({ content: null, refusal: "I cannot." })).toMatchObject({
    content: [{ type: "text", text: "I cannot." }],
    stop_reason: "refusal",
    stop_details: { type: "refusal", category: null },
  });
});

test("calls have their input as objects; what is none is kept under a key of its own", () => {
  const calls = ['{"a":{"b":[1]}}', "", "  ", '{"a":', "[1]", "null"];
  const message = whole({ tool_calls: calls.map((args, index) => call(`c${index}`, args)) });
  expect((message["content"] as JsonObject[]).map((block) => block["input"])).toEqual([
    { a: { b: [1] } },
    {},
    {},
    { _unparsed_arguments: '{"a":' },
    { _unparsed_arguments: "[1]" },
    { _unparsed_arguments: "null" },
  ]);
});

test("a tool's shortened name is its own again, and a call without an id gets one", () => {
  const toolNames = new ToolNames();
  const short = toolNames.toChat("n".repeat(100));
  const given = answer({ tool_calls: [{ function: { name: short, arguments: "{}" } }] });
  expect(fromChat(given, undefined, context({ toolNames }))).toMatchObject({
    content: [
      { type: "tool_use", id: expect.stringMatching(/^toolu_/) as string, name: "n".repeat(100) },
    ],
  });
});

test.each([{}, { choices: [] }, { choices: [{ message: "x" }] }])(
  "an answer without a message, as %j, is the provider's failure",
  (given) => {
    expect(() => fromChat(given, undefined, context())).toThrow(
      expect.objectContaining({ kind: "upstream_error" }) as Error,
    );
  },
);

test.each(["reasoning_content", "reasoning"])("%s is a thinking block before the text", (field) => {
  const { content } = whole({ content: "42", [field]: "Hm." });
  expect(content).toMatchObject([
    {
      type: "thinking",
      thinking: "Hm.",
      signature: expect.stringMatching(/^sentinel\./) as string,
    },
    { type: "text", text: "42" },
  ]);
});

describe("streamed", () => {
  const events = async (
    batches: readonly (readonly SseEvent[])[],
    total?: Usage,
  ): Promise<JsonObject[]> => dataOfBatches(await translatedBatches(streamOf(batches, total)));

  test("has Anthropic's events in order, each with its name, and the usage at the end", async () => {
    const batches = await translatedBatches(
      streamOf(
        [
          [chunkEvent({ role: "assistant", content: "" })],
          [chunkEvent({ content: "Hel" })],
          [chunkEvent({ content: "lo" })],
          [chunkEvent({}, "stop")],
        ],
        usage,
      ),
    );
    const written = batches.flatMap((batch) => batch.events);
    expect(written.map(({ name }) => name)).toEqual([
      "message_start",
      "content_block_start",
      "content_block_delta",
      "content_block_delta",
      "content_block_stop",
      "message_delta",
      "message_stop",
    ]);
    for (const { name, data = "", raw } of written) {
      expect(JSON.parse(data)).toMatchObject({ type: name });
      expect(raw.toString()).toBe(`event: ${name}\ndata: ${data}\n\n`);
    }
    expect(dataOfBatches(batches).at(-2)).toEqual({
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: {
        input_tokens: 30,
        cache_creation_input_tokens: 10,
        cache_read_input_tokens: 60,
        output_tokens: 20,
        output_tokens_details: { thinking_tokens: 5 },
      },
    });
    expect(batches.map(({ isLast }) => isLast)).toEqual([false, false, false, true]);
    expect(batches.at(-1)?.usage).toEqual(usage);
  });

  test("begins as soon as the provider does, and is never an empty batch before the end", async () => {
    const usageOnly = makeEvent(`{"model":"m-1","choices":[],"usage":{}}`);
    const batches = await translatedBatches(
      streamOf([[chunkEvent({ role: "assistant" })], [chunkEvent({}, "stop")], [usageOnly], []]),
    );
    expect(batches.map((batch) => batch.events.length)).toEqual([1, 2]);
  });

  test("keeps comments, which keep the line warm", async () => {
    const comment: SseEvent = { raw: Buffer.from(": ping\n\n"), name: "", data: undefined };
    const [first] = await translatedBatches(streamOf([[comment], [chunkEvent({}, "stop")]]));
    expect(first?.events).toEqual([comment]);
  });

  test("calls whose pieces are mixed become blocks one after the other", async () => {
    const piece = (index: number, args: string, id?: string): SseEvent =>
      chunkEvent({
        tool_calls: [
          {
            index,
            ...(id !== undefined && { id }),
            function: { ...(id !== undefined && { name: "f" }), arguments: args },
          },
        ],
      });
    const mixed = [
      piece(0, "", "a"),
      piece(1, '{"b":', "b"),
      piece(0, '{"a":'),
      piece(1, "2}"),
      piece(0, "1}"),
      piece(2, "{}", "c"),
      chunkEvent({ content: "Done." }),
      chunkEvent({}, "tool_calls"),
    ];
    const message = assembled(await events(mixed.map((event) => [event])));
    expect(message["content"]).toEqual([
      { type: "tool_use", id: "a", name: "f", input: { a: 1 } },
      { type: "tool_use", id: "b", name: "f", input: { b: 2 } },
      { type: "tool_use", id: "c", name: "f", input: {} },
      { type: "text", text: "Done." },
    ]);
    expect(message["stop_reason"]).toBe("tool_use");
  });

  test("a call goes out as it comes once the one before is whole", async () => {
    const first = chunkEvent({ tool_calls: [{ index: 0, ...call("a", '{"x":1}') }] });
    const second = chunkEvent({ tool_calls: [{ index: 1, ...call("b", '{"y"') }] });
    const more = chunkEvent({ tool_calls: [{ index: 1, function: { arguments: ":2}" } }] });
    const batches = await translatedBatches(
      streamOf([[first], [second], [more], [chunkEvent({}, "tool_calls")]]),
    );
    expect(batches.slice(1, 3).map((batch) => batch.events.map(({ name }) => name))).toEqual([
      ["content_block_stop", "content_block_start", "content_block_delta"],
      ["content_block_delta"],
    ]);
  });

  test("a chunk that is not JSON ends it as the provider's failure, after what came before", async () => {
    let isCancelled = false;
    const inner = streamOf([[chunkEvent({ content: "a" }), makeEvent("{oops")], []]);
    const stream = new MessageEvents({ ...inner, cancel: () => (isCancelled = true) }, context());
    expect((await stream.next()).events).toHaveLength(3);
    await expect(stream.next()).rejects.toMatchObject({ kind: "upstream_error" });
    expect(isCancelled).toBe(true);
  });

  test.each([
    ["without a single chunk", []],
    ["in the middle of a text", [chunkEvent({ content: "Hal" })]],
    ["in the middle of a call", [chunkEvent({ tool_calls: [halfACall] })]],
  ])("an end %s is no end: the reason is missing, and none is made up", async (_, chunks) => {
    await expect(events([chunks])).rejects.toMatchObject({ kind: "upstream_error" });
  });

  test("a call of a tool without a name is the provider's failure", async () => {
    const nameless = { index: 0, id: "call_1", function: { arguments: "{}" } };
    const chunks = [chunkEvent({ tool_calls: [nameless] }, "tool_calls")];
    await expect(events([chunks])).rejects.toMatchObject({ kind: "upstream_error" });
  });
});

const halfACall = { index: 0, id: "call_1", function: { name: "f", arguments: '{"a":' } };

const word = fc.string({ minLength: 1, maxLength: 6, unit: "grapheme" });
const chatMessage = fc.record({
  reasoning: fc.array(word, { maxLength: 3 }),
  text: fc.array(word, { maxLength: 3 }),
  calls: fc.array(
    fc.record({
      args: fc.dictionary(word, fc.oneof(word, fc.integer(), fc.constant(null)), {
        noNullPrototype: true,
      }),
      extra: fc.option(word, { nil: undefined }),
    }),
    { maxLength: 3 },
  ),
  cuts: fc.array(fc.nat(9), { minLength: 1, maxLength: 20 }),
});

type Shape = typeof chatMessage extends fc.Arbitrary<infer Value> ? Value : never;

const callsOf = ({ calls }: Shape): JsonObject[] =>
  calls.map(({ args, extra }, index) =>
    call(`call_${index}`, JSON.stringify(args), {
      ...(extra !== undefined && { extra_content: { google: { thought_signature: extra } } }),
    }),
  );

const wholeOf = (shape: Shape): JsonObject => ({
  role: "assistant",
  content: shape.text.join(""),
  reasoning_content: shape.reasoning.join(""),
  tool_calls: callsOf(shape),
});

/** The same message in chunks; the arguments of calls are cut wherever `cuts` says. */
function chunksOf(shape: Shape): SseEvent[] {
  const pieces = callsOf(shape).flatMap((given, index) => {
    const { function: fn, ...head } = given as { function: { name: string; arguments: string } };
    const cut = shape.cuts[index % shape.cuts.length] ?? 0;
    const [first, rest] = [fn.arguments.slice(0, cut), fn.arguments.slice(cut)];
    return [
      { index, ...head, function: { name: fn.name, arguments: first } },
      { index, function: { arguments: rest } },
    ];
  });
  return [
    ...shape.reasoning.map((piece) => chunkEvent({ reasoning_content: piece })),
    ...shape.text.map((piece) => chunkEvent({ content: piece })),
    ...pieces.map((piece) => chunkEvent({ tool_calls: [piece] })),
    chunkEvent({}, shape.calls.length > 0 ? "tool_calls" : "stop"),
  ];
}

/** In batches as long as `cuts` says, over and over. */
function batched(events: readonly SseEvent[], cuts: readonly number[]): SseEvent[][] {
  const batches: SseEvent[][] = [];
  for (let at = 0, turn = 0; at < events.length; turn++) {
    const length = (cuts[turn % cuts.length] ?? 0) + 1;
    batches.push(events.slice(at, at + length));
    at += length;
  }
  return batches;
}

test("whole or streamed, in batches of any size, it is the same message", async () => {
  await fc.assert(
    fc.asyncProperty(chatMessage, async (shape) => {
      const finish = shape.calls.length > 0 ? "tool_calls" : "stop";
      const { id: _, ...expected } = fromChat(answer(wholeOf(shape), finish), usage, context());
      const inner = streamOf(batched(chunksOf(shape), shape.cuts), usage);
      const { id: __, ...message } = assembled(dataOfBatches(await translatedBatches(inner)));
      expect(message).toEqual(expected);
    }),
  );
});

/** What the provider sees of an answer that the client sends back with the results of its calls. */
function sentBack(message: JsonObject, model = "m"): JsonObject | undefined {
  const content = message["content"] as JsonObject[];
  const results = content
    .filter((block) => block["type"] === "tool_use")
    .map((block) => ({ type: "tool_result", tool_use_id: block["id"], content: "" }));
  const messages = [
    { role: "assistant", content },
    { role: "user", content: [...results, { type: "text", text: "!" }] },
  ];
  const traits = { ...plainChat, takesReasoning: true };
  const chat = toChat(
    { max_tokens: 1, messages },
    beginTranslation({ traits, model, isStrict: true }),
  );
  return (chat["messages"] as JsonObject[]).find(({ role }) => role === "assistant");
}

test("an answer that is sent back is the chat message that it was, with what its provider wants back", async () => {
  await fc.assert(
    fc.asyncProperty(chatMessage, async (shape) => {
      const given = wholeOf(shape);
      const calls = callsOf(shape);
      const text = shape.text.join("");
      const expected = {
        role: "assistant",
        content: text === "" && calls.length > 0 ? null : text,
        ...(shape.reasoning.length > 0 && { reasoning_content: shape.reasoning.join("") }),
        ...(calls.length > 0 && { tool_calls: calls }),
      };
      const isEmpty = text === "" && calls.length === 0 && shape.reasoning.length === 0;
      const sent = isEmpty ? undefined : expected; // An empty turn is refused, and left out.
      expect(sentBack(fromChat(answer(given), undefined, context()))).toEqual(sent);
      const inner = streamOf(batched(chunksOf(shape), shape.cuts));
      const streamed = assembled(dataOfBatches(await translatedBatches(inner)));
      expect(sentBack(streamed)).toEqual(sent);
    }),
  );
});

const signed = { extra_content: { google: { thought_signature: "c2ln" } } };

test("another model is not shown what a provider wanted back", () => {
  const message = whole({ content: "a", tool_calls: [call("a", "{}", signed)] });
  expect(sentBack(message)).toMatchObject({ tool_calls: [signed] });
  expect(JSON.stringify(sentBack(message, "other"))).not.toContain("extra_content");
});

test("extras of the message itself come back, and so does what comes late beside calls", async () => {
  expect(sentBack(whole({ content: "a", ...signed }))).toMatchObject(signed);
  const late = [
    chunkEvent({ content: "Let me see." }),
    chunkEvent({ tool_calls: [{ index: 0, ...call("a", "{}") }] }),
    chunkEvent({ tool_calls: [{ index: 0, ...signed }], reasoning_details: [{ id: 1 }] }),
    chunkEvent({ reasoning_details: [{ id: 2 }] }, "tool_calls"),
  ];
  const message = assembled(dataOfBatches(await translatedBatches(streamOf([late]))));
  expect(sentBack(message)).toMatchObject({
    reasoning_details: [{ id: 1 }, { id: 2 }],
    tool_calls: [signed],
  });
});

test("a text is the last block, also where a signature comes after it", async () => {
  const events = [chunkEvent({ content: "Bye." }), chunkEvent(signed, "stop")];
  const message = assembled(dataOfBatches(await translatedBatches(streamOf([events]))));
  expect(message["content"]).toEqual([{ type: "text", text: "Bye." }]);
});

test("no thinking block is made where there is nothing to think and nothing to carry", () => {
  expect(whole({ content: "a", reasoning_content: "", extra_content: null })["content"]).toEqual([
    { type: "text", text: "a" },
  ]);
});

test("thoughts and the extras of the call that follows share one block", () => {
  const message = whole({ reasoning_content: "Hm.", tool_calls: [call("a", "{}", signed)] });
  const [thinking, ...rest] = message["content"] as JsonObject[];
  expect(rest).toHaveLength(1);
  expect(decodeExtras(thinking?.["signature"])?.calls).toEqual(new Map([["a", signed]]));
});
