import OpenAI from "openai";
import { expect, test } from "vitest";

import { startGateway } from "../support/gateway.ts";
import { startMock } from "../support/llm-mock.ts";
import {
  chatBody,
  impatient,
  messages,
  shareOneUpstream,
  yamlOf,
} from "../support/one-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import { chunksOf, readStream } from "../support/stream-client.ts";
import type { ChatChunk, ToolCallPiece } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const vendors = ["openai-compatible", "vllm", "ollama", "mistral"];

const pieces = (chunks: readonly ChatChunk[]): readonly ToolCallPiece[] =>
  chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);

const finishReasons = (chunks: readonly ChatChunk[]): string[] =>
  chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? []);

/** The calls as a client puts them together, which trusts `index`. */
function assembled(chunks: readonly ChatChunk[]): { id?: string; name?: string; text: string }[] {
  const calls: { id?: string; name?: string; text: string }[] = [];
  for (const { index, id, function: fn } of pieces(chunks)) {
    const call = (calls[index] ??= { text: "" });
    if (id !== undefined) call.id = id;
    if (fn?.name !== undefined) call.name = fn.name;
    call.text += fn?.arguments ?? "";
  }
  return calls;
}

async function streamedBy(type: string, chunks: readonly string[]): Promise<readonly ChatChunk[]> {
  await using plane = await startOneUpstream({ type, script: stream([...chunks, done]) });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  return chunksOf(client.data);
}

const call = (fields: object): string => chatChunk({ tool_calls: [fields] });

test.each(vendors)("%s: parallel calls that all come as index 0 are told apart", async (type) => {
  const chunks = await streamedBy(type, [
    call({
      index: 0,
      id: "aaaaaaaaa",
      type: "function",
      function: { name: "f", arguments: '{"a":' },
    }),
    call({ index: 0, function: { arguments: "1}" } }),
    call({ index: 0, id: "bbbbbbbbb", type: "function", function: { name: "g", arguments: "{}" } }),
    chatChunk({}, "tool_calls"),
  ]);
  expect(assembled(chunks)).toEqual([
    { id: "aaaaaaaaa", name: "f", text: '{"a":1}' },
    { id: "bbbbbbbbb", name: "g", text: "{}" },
  ]);
});

test.each(vendors)(
  "%s: a call without index, id and type, in one piece with an object, is a call",
  async (type) => {
    const chunks = await streamedBy(type, [
      chatChunk({ role: "assistant", content: "" }),
      chatChunk({
        tool_calls: [
          { function: { name: "f", arguments: { city: "Köln" } } },
          { function: { name: "f", arguments: {} } },
        ],
      }),
      chatChunk({ content: "" }, "stop"),
    ]);
    const calls = assembled(chunks);
    expect(calls.map(({ name, text }) => [name, text])).toEqual([
      ["f", '{"city":"Köln"}'],
      ["f", "{}"],
    ]);
    expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    expect(pieces(chunks).every(({ type: kind }) => kind === "function")).toBe(true);
    expect(finishReasons(chunks)).toEqual(["tool_calls"]);
  },
);

test("indices do not count text that came before, and start at 0", async () => {
  const chunks = await streamedBy("openai-compatible", [
    chatChunk({ content: "Let me see." }),
    call({ index: 1, id: "a", function: { name: "f", arguments: "" } }),
    call({ index: 1, function: { arguments: "{}" } }),
    chatChunk({ content: "And again." }),
    call({ index: 3, id: "b", function: { name: "g", arguments: "{}" } }),
    chatChunk({}, "tool_calls"),
  ]);
  expect(pieces(chunks).map(({ index }) => index)).toEqual([0, 0, 1]);
});

test("id, type and name come in a call's first piece only", async () => {
  const piece = { index: 0, id: "a", type: "function", function: { name: "f", arguments: "1" } };
  const chunks = await streamedBy("openai-compatible", [
    call(piece),
    call(piece),
    chatChunk({}, "tool_calls"),
  ]);
  expect(pieces(chunks)).toEqual([piece, { index: 0, function: { arguments: "1" } }]);
});

test.each(["stop", "function_call"])(
  "a stream with calls that ends with `%s` ends with `tool_calls`",
  async (finish) => {
    const chunks = await streamedBy("ollama", [
      call({ index: 0, id: "a", type: "function", function: { name: "f", arguments: "{}" } }),
      chatChunk({}, finish),
    ]);
    expect(finishReasons(chunks)).toEqual(["tool_calls"]);
  },
);

test("a finish reason that is empty on every chunk ends nothing", async () => {
  const chunks = await streamedBy("openai-compatible", [
    chatChunk(
      {
        tool_calls: [
          { index: 0, id: "a", type: "function", function: { name: "f", arguments: "" } },
        ],
      },
      "",
    ),
    chatChunk({ tool_calls: [{ index: 0, function: { arguments: "{}" } }] }, ""),
    chatChunk({}, "tool_calls"),
  ]);
  expect(finishReasons(chunks).filter((reason) => reason !== "")).toEqual(["tool_calls"]);
});

test("the calls of each choice are counted apart", async () => {
  const choice = (index: number, id: string): string =>
    `data: ${JSON.stringify({ choices: [{ index, delta: { tool_calls: [{ index: 5, id, function: { name: "f", arguments: "{}" } }] }, finish_reason: null }] })}\n\n`;
  const chunks = await streamedBy("openai-compatible", [
    choice(0, "a"),
    choice(1, "b"),
    chatChunk({}, "stop"),
  ]);
  expect(pieces(chunks).map(({ index, id }) => [index, id])).toEqual([
    [0, "a"],
    [0, "b"],
  ]);
});

test.each(vendors)(
  "%s: a whole answer's calls have ids, types, text and the right finish reason",
  async (type) => {
    const calls = [
      { function: { name: "f", arguments: { a: 1 } } },
      { id: "", type: null, function: { name: "g", arguments: '{"b":2}' } },
      { id: "ccccccccc", type: "function", function: { name: "h" } },
    ];
    const choices = [
      {
        index: 0,
        message: { role: "assistant", content: null, tool_calls: calls },
        finish_reason: "stop",
      },
    ];
    await using plane = await startOneUpstream({
      type,
      script: whole(completion("", { choices })),
    });
    const answer = (await (await plane.chat()).json()) as OpenAI.ChatCompletion;
    const [choice] = answer.choices;
    expect(choice?.finish_reason).toBe("tool_calls");
    const given = choice?.message.tool_calls ?? [];
    expect(given).toMatchObject([
      { type: "function", function: { name: "f", arguments: '{"a":1}' } },
      { type: "function", function: { name: "g", arguments: '{"b":2}' } },
      { id: "ccccccccc", type: "function", function: { name: "h", arguments: "" } },
    ]);
    expect(new Set(given.map(({ id }) => id)).size).toBe(3);
  },
);

test("a call of a custom tool is left as it is", async () => {
  const custom = { id: "call_1", type: "custom", custom: { name: "sql", input: "select 1" } };
  const choices = [
    {
      index: 0,
      message: { role: "assistant", content: null, tool_calls: [custom] },
      finish_reason: "tool_calls",
    },
  ];
  const script = whole(completion("", { choices }));
  await using plane = await startOneUpstream({ type: "openai-compatible", script });
  expect(await (await plane.chat()).json()).toEqual(completion("", { choices }));

  const chunks = await streamedBy("openai-compatible", [
    call({ index: 0, ...custom }),
    chatChunk({}, "tool_calls"),
  ]);
  expect(pieces(chunks)).toEqual([{ index: 0, ...custom }]);
});

test("OpenAI's own stream is not touched, even where it is odd", async () => {
  const events = [
    call({ index: 2, id: "a", function: { arguments: { a: 1 } } }),
    chatChunk({}, "stop"),
    done,
  ];
  await using plane = await startOneUpstream({ script: stream(events) });
  const client = readStream(await plane.chat({ stream: true }));
  await client.toEnd();
  expect(client.text).toBe(events.join(""));
});

const weather = {
  type: "function",
  function: { name: "weather", parameters: { type: "object" } },
} as const;

test.each(["openai", "openai-compatible"])(
  "OpenAI's own SDK gets the parallel calls of a third-party mock through %s",
  async (type) => {
    await using running = await startMock((mock) => {
      const toolCalls = ["Köln", "Łódź"].map((city) => ({
        name: "weather",
        arguments: JSON.stringify({ city }),
      }));
      mock.onMessage("weather", { toolCalls }, { chunkSize: 4 });
    });
    const test = { type, base_url: running.baseUrl, api_keys: ["sk-mock"], models: ["m"] };
    await using gateway = await startGateway({
      env: impatient,
      yaml: yamlOf({ providers: { test } }),
    });
    const client = new OpenAI({ baseURL: `${gateway.url}/v1`, apiKey: gateway.key });
    const request = {
      ...chatBody(),
      model: "m",
      messages: [{ ...messages[0], content: "weather" }],
      tools: [weather],
    };
    const streamed = await client.chat.completions.stream(request).finalChatCompletion();
    const answered = await client.chat.completions.create(request);
    for (const { choices } of [streamed, answered]) {
      expect(choices[0]?.finish_reason).toBe("tool_calls");
      const calls = choices[0]?.message.tool_calls ?? [];
      const given = calls.map((toolCall) => "function" in toolCall && toolCall.function.arguments);
      expect(given).toEqual(['{"city":"Köln"}', '{"city":"Łódź"}']);
      expect(new Set(calls.map(({ id }) => id)).size).toBe(2);
    }
  },
);
