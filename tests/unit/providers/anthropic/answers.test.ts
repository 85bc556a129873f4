import fc from "fast-check";
import { expect, test } from "vitest";

import { Failure } from "../../../../src/errors.ts";
import { ChatTaker } from "../../../../src/providers/anthropic/answer/chat-taker.ts";
import { AnthropicEvents } from "../../../../src/providers/anthropic/from-events.ts";
import { toCompletion } from "../../../../src/providers/anthropic/from-response.ts";
import type { SseEvent } from "../../../../src/protocol/sse.ts";
import type { UpstreamBody } from "../../../../src/providers/transport/upstream-call.ts";
import {
  chatUsage,
  event,
  eventsOf,
  message,
  redacted,
  search,
  text,
  thought,
  toolUse,
  webCitation,
} from "../../../fixtures/anthropic/messages.ts";
import type { Json } from "../../../fixtures/anthropic/messages.ts";

interface Assembled {
  readonly message: Json;
  readonly finish: unknown;
  readonly usage: unknown;
}

const createdSeconds = 1_700_000_000;
const asked = { createdSeconds, model: "claude-asked-for", upstreamName: "claude" };

function wholeOf(answer: Json, answerTool?: string): Assembled {
  const completion = toCompletion(answer, { ...asked, answerTool });
  const [choice] = completion["choices"] as readonly Json[];
  return {
    message: (choice?.["message"] ?? {}) as Json,
    finish: choice?.["finish_reason"],
    usage: completion["usage"],
  };
}

function bodyOf(chunks: readonly Buffer[]): UpstreamBody {
  const left = [...chunks];
  return {
    next: () => Promise.resolve(left.shift()),
    cancel: () => undefined,
    drain: () => undefined,
  };
}

/** The chunks of the stream that these bytes are; the failure too, where it ends in one. */
async function streamed(
  chunks: readonly Buffer[],
  answerTool?: string,
): Promise<{ chunks: Json[]; events: SseEvent[]; failure: Failure | undefined }> {
  const taker = new ChatTaker({
    upstream: { name: "claude", key: undefined, headers: {} },
    answerTool,
    showsUsage: true,
    model: "m",
    createdSeconds,
  });
  const stream = new AnthropicEvents(bodyOf(chunks), taker, "claude");
  const events: SseEvent[] = [];
  let failure: Failure | undefined;
  try {
    for (;;) {
      const batch = await stream.next();
      events.push(...batch.events);
      if (batch.isLast) break;
      expect(batch.events.length).toBeGreaterThan(0);
    }
  } catch (thrown) {
    if (!(thrown instanceof Failure)) throw thrown;
    failure = thrown;
  }
  const data = events.flatMap((sent) => sent.data ?? []);
  return { chunks: data.map((json) => JSON.parse(json) as Json), events, failure };
}

/** What a client puts together from the chunks: texts joined, calls by their index. */
function assemble(chunks: readonly Json[]): Assembled {
  const built: Record<string, unknown> = { refusal: null };
  const calls: Call[] = [];
  let finish: unknown;
  let counted: unknown;
  for (const chunk of chunks) {
    counted = chunk["usage"] ?? counted;
    const [choice] = chunk["choices"] as readonly Json[];
    finish = choice?.["finish_reason"] ?? finish;
    const delta = (choice?.["delta"] ?? {}) as Json;
    for (const [name, value] of Object.entries(delta)) {
      if (name === "role" && name in built) throw new Error("a second role");
      if (name === "tool_calls") addCalls(calls, value as readonly Json[]);
      else built[name] = joined(built[name], value);
    }
  }
  if (calls.length > 0) {
    built["tool_calls"] = calls.map(({ id, name, json }) => ({
      id,
      type: "function",
      function: { name, arguments: json },
    }));
  }
  return { message: { content: null, ...built }, finish, usage: counted };
}

function joined(before: unknown, value: unknown): unknown {
  // OpenAI's SDK does not append to lists that it does not know: the last one stays.
  if (Array.isArray(before)) throw new Error("a second list");
  return typeof before === "string" ? before + String(value) : value;
}

interface Call {
  readonly id: unknown;
  readonly name: unknown;
  json: string;
}

function addCalls(calls: Call[], pieces: readonly Json[]): void {
  for (const { index, id, function: fn } of pieces) {
    const { name, arguments: json } = fn as Json;
    const known = calls[Number(index)];
    expect(typeof json).toBe("string");
    if (known === undefined) {
      expect(index).toBe(calls.length);
      expect([typeof id, typeof name]).toEqual(["string", "string"]);
      calls.push({ id, name, json: String(json) });
    } else {
      expect([id, name]).toEqual([undefined, undefined]);
      known.json += String(json);
    }
  }
}

const rich = message([
  thought,
  redacted,
  ...search,
  text("It is 18 °C ", { citations: [webCitation] }),
  text("in Zürich. 東京? ☀️"),
  toolUse("toolu_1", "get_weather", { city: "東京" }),
  toolUse("toolu_2", "now", {}),
]);

test("a whole answer: text, thoughts, calls, sources, and all tokens counted", () => {
  const { message: said, finish, usage } = wholeOf(rich);
  const place = { start_index: 0, end_index: 12 };
  expect(said).toEqual({
    role: "assistant",
    content: "It is 18 °C in Zürich. 東京? ☀️",
    refusal: null,
    reasoning_content: thought["thinking"],
    thinking_blocks: [thought, redacted],
    tool_calls: [
      {
        id: "toolu_1",
        type: "function",
        function: { name: "get_weather", arguments: '{"city":"東京"}' },
      },
      { id: "toolu_2", type: "function", function: { name: "now", arguments: "{}" } },
    ],
    annotations: [
      {
        type: "url_citation",
        url_citation: { url: "https://example.com/", title: "Weather", ...place },
      },
    ],
    citations: [{ ...webCitation, ...place }],
    server_tool_blocks: search,
  });
  expect(finish).toBe("tool_calls");
  expect(usage).toEqual(chatUsage);
});

test("the head of a completion is the message's own", () => {
  expect(toCompletion(message([text("Hi")]), { ...asked, answerTool: undefined })).toMatchObject({
    id: "msg_01XFDUDYJgAACzvnptvVoYEL",
    object: "chat.completion",
    created: createdSeconds,
    model: "claude-sonnet-4-5-20250929",
    service_tier: "default",
  });
});

test("calls without a word have content null, and nothing at all is an empty text", () => {
  expect(wholeOf(message([toolUse("toolu_1", "f", {})])).message["content"]).toBeNull();
  expect(wholeOf(message([])).message["content"]).toBe("");
});

test.each([
  ["end_turn", "stop"],
  ["stop_sequence", "stop"],
  ["pause_turn", "stop"],
  ["max_tokens", "length"],
  ["model_context_window_exceeded", "length"],
  ["refusal", "content_filter"],
  ["something_new", "stop"],
])("the stop reason %s is %s, whole and streamed", async (reason, finish) => {
  const answer = message([text("Hi")], { stop_reason: reason });
  expect(wholeOf(answer).finish).toBe(finish);
  const { chunks } = await streamed([Buffer.from(eventsOf(answer).join(""))]);
  expect(assemble(chunks).finish).toBe(finish);
});

test("a refusal says why, whole and streamed", async () => {
  const details = { type: "refusal", category: "bio", explanation: "Not this." };
  const answer = message([], { stop_reason: "refusal", stop_details: details });
  expect(wholeOf(answer).message["refusal"]).toBe("Not this.");
  const { chunks } = await streamed([Buffer.from(eventsOf(answer).join(""))]);
  expect(assemble(chunks).message["refusal"]).toBe("Not this.");
});

test("an answer given by way of a tool is text, whole and streamed", async () => {
  const answer = message([toolUse("toolu_1", "give_answer", { city: "Zürich" })]);
  const whole = wholeOf(answer, "give_answer");
  expect(whole).toMatchObject({ message: { content: '{"city":"Zürich"}' }, finish: "stop" });
  expect(whole.message).not.toHaveProperty("tool_calls");
  const { chunks } = await streamed([Buffer.from(eventsOf(answer).join(""))], "give_answer");
  expect(assemble(chunks)).toMatchObject({
    message: { content: '{"city":"Zürich"}' },
    finish: "stop",
  });
});

test.each([
  [
    "words before it are left out",
    [text("Here it is: "), toolUse("toolu_1", "give_answer", { a: 1 })],
  ],
  [
    "only the first of several counts",
    [toolUse("toolu_1", "give_answer", { a: 1 }), toolUse("toolu_2", "give_answer", { b: 2 })],
  ],
])("an answer given by way of a tool is JSON and nothing else: %s", async (_what, blocks) => {
  const expected = { message: { content: '{"a":1}' }, finish: "stop" };
  expect(wholeOf(message(blocks), "give_answer")).toMatchObject(expected);
  const bytes = Buffer.from(eventsOf(message(blocks)).join(""));
  expect(assemble((await streamed([bytes], "give_answer")).chunks)).toMatchObject(expected);
});

test("a model that does not give its answer by way of the tool is heard all the same", async () => {
  const answer = message([text("I will "), text("not.")]);
  const expected = { message: { content: "I will not." }, finish: "stop" };
  expect(wholeOf(answer, "give_answer")).toMatchObject(expected);
  const bytes = Buffer.from(eventsOf(answer).join(""));
  expect(assemble((await streamed([bytes], "give_answer")).chunks)).toMatchObject(expected);
});

const said = fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 });
const word = fc.stringMatching(/^[a-z]{1,8}$/);
const block = fc.oneof(
  said.map((words) => text(words)),
  said.map((words) => text(words, { citations: [webCitation] })),
  said.map((thinking) => ({ ...thought, thinking })),
  fc.constant(redacted),
  fc.constantFrom(...search),
  fc
    .tuple(word, fc.dictionary(word, fc.oneof(said, fc.integer(), fc.constant(null))))
    .map(([name, input]) => toolUse(`toolu_${name}`, name, { ...input })),
);
const answers = fc.array(block, { maxLength: 6 }).map((blocks) => message(blocks));

test("streamed and whole, an answer is the same, however its bytes are split", async () => {
  await fc.assert(
    fc.asyncProperty(
      answers,
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 200 }),
      async (answer, pieceLength, packetLength) => {
        const bytes = Buffer.from(eventsOf(answer, pieceLength).join(""));
        const packets: Buffer[] = [];
        for (let at = 0; at < bytes.length; at += packetLength) {
          packets.push(bytes.subarray(at, at + packetLength));
        }
        const { chunks, failure } = await streamed(packets);
        expect(failure).toBeUndefined();
        const assembled = assemble(chunks);
        const whole = wholeOf(answer);
        // A stream that says nothing says so with an empty text in its only chunk, or not at all.
        const content =
          whole.message["content"] === ""
            ? (assembled.message["content"] ?? "")
            : assembled.message["content"];
        expect({ ...assembled.message, content }).toEqual(whole.message);
        expect(assembled.finish).toBe(whole.finish);
        expect(assembled.usage).toEqual(whole.usage);
      },
    ),
    { numRuns: 60 },
  );
});

test("nothing leaves before the first content, and pings are no events", async () => {
  const [start = "", ping = ""] = eventsOf(message([text("Hi")]));
  const { chunks, events, failure } = await streamed([Buffer.from(start + ping)]);
  expect(chunks).toEqual([]);
  expect(events.map((sent) => sent.raw.toString())).toEqual([":\n\n"]);
  expect(failure).toMatchObject({ kind: "upstream_error", recovery: "retry" });
});

const overloaded = event({
  type: "error",
  error: { type: "overloaded_error", message: "Overloaded" },
  request_id: "req_1",
});

test("an error in the stream ends it with the vendor's words, after what came before", async () => {
  const events = eventsOf(message([text("Hello there")]));
  const before = events.slice(0, 4).join("");
  const { chunks, failure } = await streamed([Buffer.from(before + overloaded)]);
  expect(assemble(chunks).message["content"]).toBe("Hello t");
  expect(assemble(chunks).finish).toBeUndefined();
  expect(failure).toMatchObject({
    kind: "upstream_error",
    recovery: "retry",
    body: { message: "Overloaded", type: "api_error", code: "overloaded_error" },
  });
});

test.each([
  ["rate_limit_error", { kind: "provider_rejected", status: 429, recovery: "retry" }],
  ["invalid_request_error", { kind: "provider_rejected", status: 400, recovery: "none" }],
  ["something_new", { kind: "upstream_error", status: 502 }],
])("%s in a stream is told apart", async (type, expected) => {
  const { failure } = await streamed([
    Buffer.from(event({ type: "error", error: { type, message: "No" } })),
  ]);
  expect(failure).toMatchObject({ ...expected, body: { message: "No", code: type } });
});

test("a stream that is cut anywhere is a failure, never an answer", async () => {
  const events = eventsOf(message([text("Hello there"), toolUse("toolu_1", "f", { a: 1 })]));
  for (let count = 0; count < events.length; count++) {
    const { chunks, failure } = await streamed([Buffer.from(events.slice(0, count).join(""))]);
    expect(failure).toMatchObject({ kind: "upstream_error" });
    expect(assemble(chunks).finish).toBeUndefined();
  }
});

test.each(["data: Internal Server Error\n\n", 'data: {"type":"content_bl\n\n', "data: 7\n\n"])(
  "%j is no event of Anthropic's",
  async (bytes) => {
    const { failure } = await streamed([Buffer.from(bytes)]);
    expect(failure).toMatchObject({ kind: "upstream_error" });
    expect(failure?.message).toContain("not JSON");
  },
);

test("usage is in the last chunk, once, with no choices", async () => {
  const { chunks } = await streamed([Buffer.from(eventsOf(message([text("Hi")])).join(""))]);
  expect(chunks.filter((chunk) => "usage" in chunk)).toEqual([chunks.at(-1)]);
  expect(chunks.at(-1)).toMatchObject({ choices: [], usage: chatUsage });
});

test("a call whose input comes in one piece, or never, has its arguments", async () => {
  const start = (index: number, input: Json): Json[] => [
    { type: "content_block_start", index, content_block: toolUse(`toolu_${index}`, "f", input) },
    { type: "content_block_stop", index },
  ];
  const events = [
    { type: "message_start", message: message([]) },
    ...start(0, {}),
    ...start(1, { a: 1 }),
    { type: "message_delta", delta: { stop_reason: "tool_use" }, usage: {} },
    { type: "message_stop" },
  ];
  const { chunks } = await streamed([Buffer.from(events.map(event).join(""))]);
  const calls = assemble(chunks).message["tool_calls"] as readonly { function: Json }[];
  expect(calls.map((call) => call.function["arguments"])).toEqual(["{}", '{"a":1}']);
});

test("a search that `max_tokens` cut off does not break the answer", async () => {
  const [searched = {}] = search;
  const events = [
    { type: "message_start", message: message([]) },
    { type: "content_block_start", index: 0, content_block: { ...searched, input: {} } },
    {
      type: "content_block_delta",
      index: 0,
      delta: { type: "input_json_delta", partial_json: '{"query":"wea' },
    },
    { type: "content_block_stop", index: 0 },
    { type: "message_delta", delta: { stop_reason: "max_tokens" }, usage: {} },
    { type: "message_stop" },
  ];
  const { chunks, failure } = await streamed([Buffer.from(events.map(event).join(""))]);
  expect(failure).toBeUndefined();
  expect(assemble(chunks).finish).toBe("length");
});
