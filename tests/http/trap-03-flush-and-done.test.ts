import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const first = chatChunk({ role: "assistant", content: "a" });
const second = chatChunk({ content: "b" });
const last = chatChunk({}, "stop");
const answer = [first, second, last] as const;
const sse = { "content-type": "text/event-stream" } as const;

test("the client has the first event while the provider still withholds the second", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using plane = await startOneUpstream({
    script: async (response) => {
      response.writeHead(200, sse).write(first);
      await gate.promise;
      response.write(second);
      await gate.promise;
      response.end(last + done);
    },
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText(first);
  expect(client.text).toBe(first);
  gate.resolve(undefined);
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(answer.join("") + done);
});

test("an event is passed on when it is whole, though the next has begun", async () => {
  await using plane = await startOneUpstream({
    script: (response) => void response.writeHead(200, sse).write(first + second.slice(0, 30)),
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText(first);
  expect(client.text).toBe(first);
});

test("headers leave half a second after those of a provider that is silent from then on", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using plane = await startOneUpstream({
    script: async (response) => {
      response.writeHead(200, sse).flushHeaders();
      await gate.promise;
      response.end(answer.join("") + done);
    },
  });
  const startedMs = performance.now();
  const client = readStream(await plane.chat({ stream: true }));
  const waitedMs = performance.now() - startedMs;
  expect(waitedMs).toBeGreaterThan(450);
  expect(waitedMs).toBeLessThan(2_500);
  gate.resolve(undefined);
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(answer.join("") + done);
});

test("the first event is not held back for the half second", async () => {
  await using plane = await startOneUpstream({
    script: (response) => void response.writeHead(200, sse).write(first),
  });
  await plane.chat({ stream: true }).then((response) => readStream(response).untilText(first)); // warm
  const startedMs = performance.now();
  await readStream(await plane.chat({ stream: true })).untilText(first);
  expect(performance.now() - startedMs).toBeLessThan(450);
});

test("comments before the first event do not count as one, and reach the client once it waits", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using plane = await startOneUpstream({
    script: async (response) => {
      response.writeHead(200, sse).write(": thinking\n\n");
      await gate.promise;
      response.write(": still thinking\n\n");
      await gate.promise;
      response.end(answer.join("") + done);
    },
  });
  const startedMs = performance.now();
  const client = readStream(await plane.chat({ stream: true }));
  expect(performance.now() - startedMs).toBeGreaterThan(450);
  await client.untilText(": thinking\n\n");
  gate.resolve(undefined);
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(`: thinking\n\n: still thinking\n\n${answer.join("")}${done}`);
});

test("an answer's headers say that it is a stream which nobody may hold back", async () => {
  await using plane = await startOneUpstream({ script: stream([...answer, done]) });
  const response = await plane.chat({ stream: true });
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(response.headers.get("cache-control")).toBe("no-cache");
  expect(response.headers.get("x-accel-buffering")).toBe("no");
  expect(response.headers.get("x-request-id")).toMatch(/^[0-9A-Z]{26}$/);
  await response.body?.cancel();
});

test.each<[string, Script]>([
  ["none", stream(answer)],
  ["one", stream([...answer, done])],
  ["two", stream([...answer, done, done])],
  ["two in one packet", stream([answer.join("") + done + done])],
  ["one, then more events", stream([...answer, done, second, done])],
  ["one without its blank line", stream([...answer, "data: [DONE]"])],
  ["one with half its blank line", stream([...answer, "data: [DONE]\n"])],
])("there is exactly one [DONE] when the provider sends %s", async (_name, script) => {
  await using plane = await startOneUpstream({ script });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(answer.join("") + done);
});

test.each(["/v1/completions", "/v1/chat"])("%s ends in exactly one [DONE] too", async (path) => {
  const event = `data: {"choices":[{"index":0,"text":"a","finish_reason":"stop"}]}\n\n`;
  await using plane = await startOneUpstream({ script: stream([event]) });
  const body = { model: "m", prompt: "Hi", messages: [{ role: "user", content: "Hi" }] };
  const client = readStream(await plane.gateway.post(path, { ...body, stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(event + done);
});

test("a whole answer to a stream request becomes a stream of one chunk", async () => {
  const call = { id: "call_1", type: "function", function: { name: "f", arguments: "{}" } };
  const message = { role: "assistant", content: "Hello", tool_calls: [call] };
  const choices = [{ index: 0, message, finish_reason: "tool_calls" }];
  await using plane = await startOneUpstream({ script: whole(completion("", { choices, x: 1 })) });
  const client = readStream(
    await plane.chat({ stream: true, stream_options: { include_usage: true } }),
  );
  expect(await client.toEnd()).toBe("whole");
  expect(client.text.endsWith(done)).toBe(true);
  const [chunk, usage] = chunksOf(client.data);
  expect(chunk).toMatchObject({
    object: "chat.completion.chunk",
    x: 1,
    choices: [
      {
        delta: { content: "Hello", tool_calls: [{ index: 0, ...call }] },
        finish_reason: "tool_calls",
      },
    ],
  });
  expect(chunk).not.toHaveProperty("usage");
  expect(usage).toMatchObject({ choices: [], usage: { total_tokens: 5 } });
});

test.each([
  ["in the middle of an answer", [first, second]],
  ["inside an event", [first, last.slice(0, 40)]],
  ["inside an event after the last chunk", [first, last, 'data: {"choices":[],"usa']],
  ["after a finish reason that is empty", [first, chatChunk({ content: "b" }, "")]],
])("a stream that ends %s breaks off with an error and without [DONE]", async (_name, chunks) => {
  await using plane = await startOneUpstream({ script: stream(chunks) });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("cut");
  expect(client.text.startsWith(first)).toBe(true);
  expect(client.text).not.toContain("[DONE]");
  expect(chunksOf(client.data).at(-1)?.error?.code).toBe("upstream_error");
  await until("it is logged as failed", () =>
    plane.gateway.lines.some((line) => line["outcome"] === "upstream_error"),
  );
});

test.each([1, 2])("of two answers in one stream %s ended: only both are whole", async (ended) => {
  const choice = (index: number, finish: string | null): string =>
    `data: ${JSON.stringify({ choices: [{ index, delta: { content: "a" }, finish_reason: finish }] })}\n\n`;
  const chunks = [choice(0, "stop"), choice(1, ended === 2 ? "stop" : null)];
  await using plane = await startOneUpstream({ script: stream(chunks) });
  const client = readStream(await plane.chat({ stream: true, n: 2 }));
  expect(await client.toEnd()).toBe(ended === 2 ? "whole" : "cut");
  expect(client.text.includes("[DONE]")).toBe(ended === 2);
});

test("a provider that closes right after [DONE] keeps its connection in use", async () => {
  await using plane = await startOneUpstream({ script: stream([...answer, done]) });
  for (let round = 0; round < 5; round++) {
    expect(await readStream(await plane.chat({ stream: true })).toEnd()).toBe("whole");
    await until("the provider is done", () => plane.upstream.openCount === 0);
  }
  expect(plane.upstream.connectionCount).toBe(1);
});

test("the client's answer ends with [DONE], though the provider keeps its own open", async () => {
  await using plane = await startOneUpstream({
    script: (response) => void response.writeHead(200, sse).write(answer.join("") + done),
  });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  await until("the provider's connection is given up", () => plane.upstream.openCount === 0);
});

test("a stream of /v1/responses ends with its last event, and breaks off without it", async () => {
  const created = `event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1","output":[{"type":"error"}]}}\n\n`;
  const failed = `event: response.failed\ndata: {"type":"response.failed","response":{"id":"resp_1"}}\n\n`;
  const body = { model: "m", input: "Hi", stream: true };
  await using plane = await startOneUpstream({ script: stream([created, failed, done]) });
  const whole = readStream(await plane.gateway.post("/v1/responses", body));
  expect(await whole.toEnd()).toBe("whole");
  expect(whole.text).toBe(created + failed);

  plane.upstream.answer(stream([created]));
  const cut = readStream(await plane.gateway.post("/v1/responses", body));
  expect(await cut.toEnd()).toBe("cut");
  expect(cut.text.slice(created.length)).toMatch(/^event: error\ndata: \{"error":/);
});
