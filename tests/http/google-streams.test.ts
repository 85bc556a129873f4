import OpenAI from "openai";
import { expect, test } from "vitest";

import {
  answer,
  event,
  overloaded,
  parallelCalls,
  usageMetadata,
} from "../fixtures/google/responses.ts";
import { until } from "../support/gateway.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const model = "gemini-3-flash-preview";
const sse = { "content-type": "text/event-stream" } as const;
const begun = event(answer([{ text: "Hel" }]));
const ended = event(answer([{ text: "lo ☀️" }], { finishReason: "STOP", usageMetadata }));

const startGoogle = (script: Script): Promise<OneUpstream> =>
  startOneUpstream({ type: "google", script, provider: { models: [model] } });

test("a stream whose bytes are cut anywhere comes out whole", async () => {
  const bytes = [...Buffer.from(begun + ended)].map((byte) => Buffer.from([byte]));
  await using plane = await startGoogle(stream(bytes));
  const client = readStream(await plane.chat({ model, stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(contentOf(chunksOf(client.data))).toBe("Hello ☀️");
  expect(client.data.filter((data) => data === "[DONE]")).toHaveLength(1);
  expect(client.text).not.toContain('"usage":{');
});

test("each event leaves at once", async () => {
  let finish: () => void = () => undefined;
  const script: Script = (response) => {
    response.writeHead(200, sse).write(begun);
    finish = () => void response.end(ended);
  };
  await using plane = await startGoogle(script);
  const client = readStream(await plane.chat({ model, stream: true }));
  await client.untilText('"content":"Hel"');
  finish();
  expect(await client.toEnd()).toBe("whole");
});

test("parallel calls in one event and in several keep stable indices and end in tool_calls", async () => {
  const more = event(
    answer([{ functionCall: { name: "book_taxi", args: {} } }], { finishReason: "STOP" }),
  );
  await using plane = await startGoogle(stream([begun, event(answer(parallelCalls)), more]));
  const client = readStream(await plane.chat({ model, stream: true }));
  expect(await client.toEnd()).toBe("whole");
  const chunks = chunksOf(client.data);
  const pieces = chunks.flatMap((chunk) => chunk.choices[0]?.delta.tool_calls ?? []);
  expect(pieces.map(({ index, function: fn }) => [index, fn?.name, fn?.arguments])).toEqual([
    [0, "check_flight", '{"flight":"AA100"}'],
    [1, "check_flight", '{"flight":"BB200"}'],
    [2, "book_taxi", "{}"],
  ]);
  expect(new Set(pieces.map(({ id }) => id)).size).toBe(3);
  expect(chunks.flatMap((chunk) => chunk.choices[0]?.finish_reason ?? [])).toEqual(["tool_calls"]);
});

test("several choices are whole for the SDK, which wants the role of each", async () => {
  const events = [
    answer([{ text: "a" }]),
    answer([{ functionCall: { name: "f", args: {} } }], { index: 1 }),
    answer([], { finishReason: "STOP" }),
    answer([], { index: 1, finishReason: "STOP" }),
    answer([], { index: 2, finishReason: "MAX_TOKENS" }),
  ];
  await using plane = await startGoogle(stream(events.map(event)));
  const { url, key } = plane.gateway;
  const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: 0 });
  const { choices } = await client.chat.completions
    .stream({ model, n: 3, messages: [{ role: "user", content: "Hi" }] })
    .finalChatCompletion();
  expect(choices).toMatchObject([
    { index: 0, message: { role: "assistant", content: "a" }, finish_reason: "stop" },
    { index: 1, message: { role: "assistant", content: null }, finish_reason: "tool_calls" },
    { index: 2, message: { role: "assistant" }, finish_reason: "length" },
  ]);
});

test("a stream that stops without a finish reason is cut, never closed as whole", async () => {
  await using plane = await startGoogle(stream([begun]));
  const client = readStream(await plane.chat({ model, stream: true }));
  expect(await client.toEnd()).toBe("cut");
  expect(client.data.at(-1)).toContain('"code":"upstream_error"');
  expect(client.text).not.toContain("[DONE]");
  expect(client.text).not.toContain('"finish_reason":"');
});

test("an error in the middle of a stream is told as it is", async () => {
  await using plane = await startGoogle(stream([begun, event(overloaded)]));
  const client = readStream(await plane.chat({ model, stream: true }));
  expect(await client.toEnd()).toBe("cut");
  expect(JSON.parse(client.data.at(-1) ?? "")).toMatchObject({
    error: { message: "The model is overloaded.", code: "UNAVAILABLE" },
  });
});

test("an error in place of a stream is an ordinary one", async () => {
  const invalid = { error: { code: 400, message: "no", status: "INVALID_ARGUMENT" } };
  for (const script of [whole([invalid]), whole(invalid), stream([event(invalid)])]) {
    await using plane = await startGoogle(script);
    const reply = await plane.chat({ model, stream: true });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({
      error: { message: "no", code: "INVALID_ARGUMENT" },
    });
  }
});

test("a list, where a proxy lost what asks for events, is a stream all the same", async () => {
  const responses = [answer([{ text: "Hel" }]), answer([{ text: "lo" }], { finishReason: "STOP" })];
  await using plane = await startGoogle(whole(responses));
  const client = readStream(await plane.chat({ model, stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(contentOf(chunksOf(client.data))).toBe("Hello");
});

test("a client who leaves ends Google's work", async () => {
  const script: Script = (response) => void response.writeHead(200, sse).write(begun);
  await using plane = await startGoogle(script);
  const client = readStream(await plane.chat({ model, stream: true }));
  await client.untilText('"content":"Hel"');
  expect(plane.upstream.openCount).toBe(1);
  await client.cancel();
  await until("the provider's request is over", () => plane.upstream.openCount === 0);
});

test.each(["not JSON", "<html></html>", "7"])(
  "an answer that is none is the upstream's failure: %s",
  async (body) => {
    await using plane = await startGoogle(whole(body));
    const reply = await plane.chat({ model });
    expect(reply.status).toBe(502);
    expect(await reply.json()).toMatchObject({ error: { code: "upstream_error" } });
  },
);
