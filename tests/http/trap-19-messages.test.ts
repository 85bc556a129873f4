import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { messages, shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";
import type { StreamClient } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const question = { model: "m", max_tokens: 100, messages };

const ask = (plane: OneUpstream, fields: object = {}): Promise<Response> =>
  plane.gateway.post("/v1/messages?beta=true", { ...question, ...fields });

const askForStream = async (plane: OneUpstream, fields: object = {}): Promise<StreamClient> =>
  readStream(await ask(plane, { stream: true, ...fields }));

interface Event {
  readonly type: string;
  readonly [field: string]: unknown;
}

/** Each event with the name that it came under, which must be its type. */
function eventsOf({ text }: StreamClient): Event[] {
  const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  return blocks.map((block) => {
    const [, name = "", data = ""] = /^event: (\w+)\ndata: (.*)$/.exec(block) ?? [];
    const event = JSON.parse(data) as Event;
    expect(event.type).toBe(name);
    return event;
  });
}

const typesOf = (client: StreamClient): string[] => eventsOf(client).map(({ type }) => type);

const toolCall = (index: number, fields: object, more: object = {}): string =>
  chatChunk({ tool_calls: [{ index, function: fields, ...more }] });

const cachedUsage = {
  prompt_tokens: 1_000,
  completion_tokens: 20,
  total_tokens: 1_020,
  prompt_tokens_details: { cached_tokens: 900 },
};

test("a stream of text has Anthropic's events, in order and by their names", async () => {
  const script = stream([
    chatChunk({ role: "assistant", content: "" }),
    chatChunk({ content: "Hel" }),
    chatChunk({ content: "lo" }),
    chatChunk({}, "stop"),
    usageChunk(cachedUsage),
    done,
  ]);
  await using plane = await startOneUpstream({ script });
  const client = await askForStream(plane);
  expect(await client.toEnd()).toBe("whole");
  expect(client.response.headers.get("content-type")).toMatch(/^text\/event-stream/);
  expect(client.response.headers.get("request-id")).toMatch(/^[0-9A-Z]{26}$/);
  expect(eventsOf(client)).toEqual([
    {
      type: "message_start",
      message: {
        id: expect.stringMatching(/^msg_/) as string,
        type: "message",
        role: "assistant",
        model: "m",
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: {
          input_tokens: 0,
          cache_creation_input_tokens: 0,
          cache_read_input_tokens: 0,
          output_tokens: 0,
        },
      },
    },
    { type: "content_block_start", index: 0, content_block: { type: "text", text: "" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "Hel" } },
    { type: "content_block_delta", index: 0, delta: { type: "text_delta", text: "lo" } },
    { type: "content_block_stop", index: 0 },
    {
      type: "message_delta",
      delta: { stop_reason: "end_turn", stop_sequence: null },
      usage: {
        input_tokens: 100,
        cache_creation_input_tokens: 0,
        cache_read_input_tokens: 900,
        output_tokens: 20,
      },
    },
    { type: "message_stop" },
  ]);
  expect(client.text).not.toContain("[DONE]");
  const [seen] = plane.upstream.seen;
  expect(seen?.path).toBe("/v1/chat/completions");
  expect(seen?.json).toMatchObject({ stream: true, stream_options: { include_usage: true } });
});

test("thoughts, text and parallel calls are blocks of their own, one open at a time", async () => {
  const script = stream([
    chatChunk({ role: "assistant", reasoning_content: "Two cities." }),
    chatChunk({ content: "Let me look." }),
    toolCall(0, { name: "weather", arguments: "" }, { id: "call_a", type: "function" }),
    toolCall(0, { arguments: '{"city":"Kö' }),
    toolCall(1, { name: "weather", arguments: "" }, { id: "call_b", type: "function" }),
    toolCall(1, { arguments: '{"city":"Łódź"}' }),
    toolCall(0, { arguments: 'ln"}' }),
    chatChunk({}, "tool_calls"),
    done,
  ]);
  await using plane = await startOneUpstream({ script });
  const client = await askForStream(plane);
  expect(await client.toEnd()).toBe("whole");
  const events = eventsOf(client);
  const starts = events.filter(({ type }) => type === "content_block_start");
  expect(starts).toMatchObject([
    { index: 0, content_block: { type: "thinking", thinking: "", signature: "" } },
    { index: 1, content_block: { type: "text" } },
    { index: 2, content_block: { type: "tool_use", id: "call_a", name: "weather", input: {} } },
    { index: 3, content_block: { type: "tool_use", id: "call_b", name: "weather", input: {} } },
  ]);
  const jsonOf = (index: number): string =>
    events
      .filter((event) => event.type === "content_block_delta" && event["index"] === index)
      .map((event) => (event["delta"] as { partial_json: string }).partial_json)
      .join("");
  expect([jsonOf(2), jsonOf(3)]).toEqual(['{"city":"Köln"}', '{"city":"Łódź"}']);
  let open: unknown;
  for (const { type, index } of events) {
    if (type === "content_block_start") expect(open).toBeUndefined();
    if (type === "content_block_delta") expect(index).toBe(open);
    if (type === "content_block_start") open = index;
    if (type === "content_block_stop") open = undefined;
  }
  const signature = events.findIndex((event) => JSON.stringify(event).includes("signature_delta"));
  expect(events[signature + 1]).toEqual({ type: "content_block_stop", index: 0 });
  expect(events.at(-2)).toMatchObject({ delta: { stop_reason: "tool_use" } });
});

test("each event leaves at once", async () => {
  let goOn: () => void = () => undefined;
  const script: Script = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ role: "assistant", content: "One" }));
    await new Promise<void>((resolve) => (goOn = resolve));
    response.end(chatChunk({ content: " two" }) + chatChunk({}, "stop") + done);
  };
  await using plane = await startOneUpstream({ script });
  const client = await askForStream(plane);
  await client.untilText(`"text":"One"`);
  expect(client.text).not.toContain("two");
  goOn();
  expect(await client.toEnd()).toBe("whole");
  expect(typesOf(client).at(-1)).toBe("message_stop");
});

test("a whole answer has the cache's part of the prompt beside the rest of it", async () => {
  await using plane = await startOneUpstream({
    script: whole(completion("Hello", { usage: cachedUsage })),
  });
  const answer = await ask(plane);
  expect(answer.status).toBe(200);
  expect(await answer.json()).toMatchObject({
    type: "message",
    content: [{ type: "text", text: "Hello" }],
    stop_reason: "end_turn",
    usage: { input_tokens: 100, cache_read_input_tokens: 900, output_tokens: 20 },
  });
  await until("it is logged", () =>
    plane.gateway.lines.some(({ path }) => path === "/v1/messages"),
  );
  const line = plane.gateway.lines.find(({ path }) => path === "/v1/messages");
  expect(line).toMatchObject({ input_tokens: 1_000, output_tokens: 20, status: 200 });
});

test("what the provider could not take is named, as the client named it", async () => {
  await using plane = await startOneUpstream({ type: "mistral", script: whole(completion("a")) });
  const fields = { top_k: 5, context_management: { edits: [] }, metadata: { user_id: "u" } };
  const answer = await ask(plane, fields);
  expect(answer.headers.get("x-sentinel-dropped-params")?.split(",")).toEqual(
    expect.arrayContaining(["context_management", "top_k", "metadata.user_id"]),
  );
});

test("an upstream that refuses a stream is an HTTP error in Anthropic's envelope", async () => {
  const error = {
    message: "Slow down.",
    type: "requests",
    param: null,
    code: "rate_limit_exceeded",
  };
  const models = { m: { retries: 0, targets: [{ provider: "test", model: "m" }] } };
  await using plane = await startOneUpstream({ models, script: whole({ error }, {}, 429) });
  const answer = await ask(plane, { stream: true });
  expect(answer.status).toBe(429);
  expect(await answer.json()).toMatchObject({
    type: "error",
    error: { type: "rate_limit_error", message: "Slow down.", code: "rate_limit_exceeded" },
    request_id: answer.headers.get("request-id"),
  });
});

test.each<[string, (response: Parameters<Script>[0]) => void]>([
  ["is cut", (response) => void response.destroy()],
  ["ends without its end", (response) => void response.end()],
  [
    "says what went wrong",
    (response) => void response.end(`data: {"error":{"message":"Oh."}}\n\n`),
  ],
  ["sends what is not JSON", (response) => void response.end("data: {oops}\n\n")],
])("a stream that %s ends in an error event and a cut connection", async (_, breakOff) => {
  const script: Script = async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ role: "assistant", content: "Hello" }));
    await new Promise((resolve) => setImmediate(resolve));
    breakOff(response);
  };
  await using plane = await startOneUpstream({ script });
  const client = await askForStream(plane);
  expect(await client.toEnd()).toBe("cut");
  const events = eventsOf(client);
  expect(events.map(({ type }) => type)).not.toContain("message_stop");
  expect(events.map(({ type }) => type)).not.toContain("message_delta");
  expect(events.at(-1)).toEqual({
    type: "error",
    error: expect.objectContaining({ type: "api_error", code: "upstream_error" }) as object,
    request_id: client.response.headers.get("request-id"),
  });
});

test("a client that leaves is left, whole or streaming", async () => {
  const script: Script = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ role: "assistant", content: "Hello" }));
  };
  await using plane = await startOneUpstream({ script });
  const client = await askForStream(plane);
  await client.untilText("Hello");
  await client.cancel();
  await until("upstream is left", () => plane.upstream.openCount === 0);

  plane.upstream.answer(() => undefined);
  const leaving = new AbortController();
  const asked = plane.gateway.fetch("/v1/messages", {
    method: "POST",
    headers: { authorization: `Bearer ${plane.gateway.key}`, "content-type": "application/json" },
    body: JSON.stringify(question),
    signal: leaving.signal,
  });
  await until("upstream is asked", () => plane.upstream.openCount === 1);
  leaving.abort();
  await expect(asked).rejects.toThrow();
  await until("upstream is left", () => plane.upstream.openCount === 0);
});

test("tokens are counted here where the vendor does not count, and the answer says so", async () => {
  await using plane = await startOneUpstream();
  const count = async (body: object): Promise<[number, Response]> => {
    const answer = await plane.gateway.post("/v1/messages/count_tokens?beta=true", body);
    expect(answer.status).toBe(200);
    const text = await answer.text();
    expect(text).toMatch(/^\{"input_tokens":\d+\}$/);
    return [(JSON.parse(text) as { input_tokens: number }).input_tokens, answer];
  };
  const [few, answer] = await count({ model: "m", messages });
  expect(answer.headers.get("x-sentinel-token-count")).toBe("estimated");
  const [more] = await count({ model: "m", messages, system: "word ".repeat(100) });
  expect(more).toBeGreaterThan(few + 100);
  const tools = [{ name: "weather", input_schema: { type: "object" } }];
  expect((await count({ model: "m", messages, tools }))[0]).toBeGreaterThan(few);
  // A stream of a number there is none; and a piece of a conversation can be counted.
  await count({ model: "m", messages, stream: true });
  const result = { type: "tool_result", tool_use_id: "a", content: "fine" };
  await count({ model: "m", messages: [{ role: "user", content: [result] }] });
  expect(plane.upstream.seen).toEqual([]);
});

test("a request as coding agents send it is answered", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("Done.")) });
  const cache_control = { type: "ephemeral", ttl: "1h" };
  const names = Array.from({ length: 40 }, (_, index) => `mcp__server__tool_${index}`);
  const tools = names.map((name) => ({
    name,
    description: "Does something.",
    input_schema: { $schema: "https://json-schema.org/draft/2020-12/schema", type: "object" },
    defer_loading: true,
    eager_input_streaming: true,
  }));
  const answer = await plane.gateway.post(
    "/v1/messages?beta=true",
    {
      model: "m",
      max_tokens: 32_000,
      system: [
        { type: "text", text: "x-anthropic-billing-header: cc_version=2.1.300; cch=ab12c;" },
        { type: "text", text: "You are a coding agent.", cache_control },
      ],
      messages: [
        {
          role: "user",
          content: [
            { type: "text", text: "<system-reminder>Be careful.</system-reminder>" },
            { type: "text", text: "Fix it.", cache_control },
          ],
        },
        {
          role: "assistant",
          content: [
            { type: "thinking", thinking: "", signature: "EqQBCkYIBBgC" },
            { type: "text", text: "I look for a tool." },
            {
              type: "tool_use",
              id: "toolu_1",
              name: "ToolSearch",
              input: { query: "fix" },
              caller: { type: "direct" },
            },
          ],
        },
        {
          role: "user",
          content: [
            {
              type: "tool_result",
              tool_use_id: "toolu_1",
              content: [{ type: "tool_reference", tool_name: "mcp__server__tool_0" }],
              cache_control,
            },
          ],
        },
        { role: "system", content: "The user has opened a file." },
      ],
      tools,
      thinking: { type: "adaptive" },
      output_config: { effort: "high" },
      context_management: { edits: [{ type: "clear_thinking_20251015", keep: "all" }] },
      metadata: { user_id: `{"device_id":"${"0".repeat(64)}","session_id":"1"}` },
      temperature: 1,
    },
    {
      "anthropic-beta": "claude-code-20250219,interleaved-thinking-2025-05-14",
      "anthropic-version": "2023-06-01",
    },
  );
  expect(answer.status).toBe(200);
  const sent = plane.upstream.seen[0]?.json ?? {};
  expect(sent["messages"]).toMatchObject([
    { role: "system", content: "You are a coding agent." },
    { role: "user" },
    { role: "assistant", content: "I look for a tool.", tool_calls: [{ id: "toolu_1" }] },
    { role: "tool", content: "The tool 'mcp__server__tool_0' is now available." },
    { role: "system", content: "The user has opened a file." },
  ]);
  expect(sent["tools"]).toHaveLength(40);
  expect(JSON.stringify(sent)).not.toMatch(/cache_control|defer_loading|billing-header/);
  expect(plane.upstream.seen[0]?.headers).not.toHaveProperty("anthropic-beta");
});

test("hostile input is refused like any other mistake", async () => {
  await using plane = await startOneUpstream({ script: whole(completion("a")) });
  const deep = "[".repeat(10_000) + "]".repeat(10_000);
  const nested = `{"model":"m","max_tokens":1,"messages":${deep}}`;
  expect((await plane.gateway.post("/v1/messages", nested)).status).toBe(400);
  const polluted =
    `{"model":"m","max_tokens":1,"__proto__":{"stream":true},` +
    `"messages":[{"role":"user","content":[{"type":"text","text":"Hi","__proto__":{"a":1}}]}]}`;
  expect((await plane.gateway.post("/v1/messages", polluted)).status).toBe(200);
  expect(Reflect.get({}, "a")).toBeUndefined();
});
