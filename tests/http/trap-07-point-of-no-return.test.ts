import { constants, gzipSync } from "node:zlib";

import { expect, test } from "vitest";

import { startGateway, until } from "../support/gateway.ts";
import {
  chatBody,
  impatient,
  shareOneUpstream,
  startOneUpstream as startOwnGateway,
  yamlOf,
} from "../support/one-upstream.ts";
import { startMock } from "../support/llm-mock.ts";
import { rawPost } from "../support/raw-client.ts";
import {
  chatChunk,
  done,
  startScriptedUpstream,
  stream,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, dataOf, readStream } from "../support/stream-client.ts";
import type { StreamClient } from "../support/stream-client.ts";
import { startTargets } from "../support/targets.ts";

const startOneUpstream = shareOneUpstream();

const sse = { "content-type": "text/event-stream" } as const;
const first = chatChunk({ role: "assistant", content: "a" });
const errorEvent = (error: object): string => `data: ${JSON.stringify({ error })}\n\n`;
const overloaded = {
  message: "The engine is overloaded",
  type: "server_error",
  param: null,
  code: "engine_overloaded",
};

/** Targets that are tried once, and not waited for. */
const impatiently = { provider: { deadlines: { first_byte_ms: 2_000, idle_ms: 200 } } } as const;

const good = stream([chatChunk({ content: "from two" }), chatChunk({}, "stop"), done]);
const streamBody = chatBody({ model: "fast", stream: true });

/** Writes this, then resets the connection. */
const thenReset =
  (text: string | Buffer, headers: object = {}): Script =>
  (response, _request, socket) => {
    response.writeHead(200, { ...sse, ...headers });
    response.write(text, () => setImmediate(() => socket.resetAndDestroy()));
  };

const beforeTheFirstEvent: [string, Script][] = [
  ["an error event", stream([errorEvent(overloaded)])],
  ["an error event after a comment", stream([": hello\n\n", errorEvent(overloaded), done])],
  [
    "an error without an envelope",
    stream([`data: {"object":"error","message":"x","code":500}\n\n`]),
  ],
  ["an event that is cut", stream(['data: {"choices":[{"delta":{"content":"a\n\n'])],
  ["an event that is not JSON", stream(["data: Internal Server Error\n\n"])],
  ["an end inside the first event", stream([first.slice(0, 20)])],
  ["an empty stream", stream([])],
  ["nothing but comments", stream([": one\n\n", ": two\n\n"])],
  ["a reset after its headers", thenReset(": hello\n\n")],
  ["a reset instead of an answer", (_response, _request, socket) => void socket.resetAndDestroy()],
  ["a whole answer that is an error", whole({ error: overloaded })],
  ["a whole answer that is no JSON", whole("<html></html>", { "content-type": "text/html" })],
  ["status 500", whole({ error: overloaded }, {}, 500)],
];

test.each(beforeTheFirstEvent)(
  "before the first event, %s makes the next target answer",
  async (_name, script) => {
    await using plane = await startTargets({ one: script, two: good }, impatiently);
    const { status, headers, text } = await plane.ask({ stream: true });
    expect(status).toBe(200);
    expect(headers.get("x-sentinel-provider")).toBe("two");
    expect(headers.get("x-sentinel-attempts")).toBe("2");
    expect(contentOf(chunksOf(dataOf(text)))).toBe("from two");
  },
);

test.each(beforeTheFirstEvent)(
  "before the first event, %s is an HTTP error if there is no other target",
  async (_name, script) => {
    await using plane = await startTargets({ one: script });
    const { status, headers, error } = await plane.ask({ stream: true });
    expect(status).toBe(502);
    expect(headers.get("content-type")).toBe("application/json");
    expect(error.message).not.toBe("");
    expect(["upstream_error", "engine_overloaded", "500"]).toContain(error.code);
  },
);

test("a provider's refusal inside a stream, before its first event, keeps its status and words", async () => {
  const refusal = {
    message: "Too long",
    type: "invalid_request_error",
    param: "messages",
    code: 400,
  };
  await using plane = await startOneUpstream({ script: stream([errorEvent(refusal)]) });
  const response = await plane.chat({ stream: true });
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error: { ...refusal, code: "400" } });
  expect(plane.upstream.seen).toHaveLength(1);
});

const afterTheFirstEvent: [string, Script, string, string][] = [
  [
    "an error event",
    stream([first, errorEvent(overloaded), done]),
    "engine_overloaded",
    "The engine is overloaded",
  ],
  [
    "an error in the same packet",
    stream([first + errorEvent(overloaded) + done]),
    "engine_overloaded",
    "overloaded",
  ],
  ["an error as a text", stream([first, `data: {"error":"boom"}\n\n`]), "upstream_error", "boom"],
  ["a reset", thenReset(first), "upstream_error", "broke off"],
  ["a reset inside an event", thenReset(first + first.slice(0, 30)), "upstream_error", "broke off"],
  ["an end without a finish reason", stream([first]), "upstream_error", "ended in the middle"],
  [
    "an event that is cut",
    stream([first, 'data: {"choices":[{"delta"\n\n', done]),
    "upstream_error",
    "not JSON",
  ],
  [
    "an event that is cut in its usage",
    stream([first, 'data: {"usage":{"x":1}\n\n', done]),
    "upstream_error",
    "not JSON",
  ],
  [
    "silence past the idle deadline",
    (response) => void response.writeHead(200, sse).write(first),
    "upstream_timeout",
    "idle deadline",
  ],
];

test.each(afterTheFirstEvent)(
  "after the first event, %s is an error event and a cut connection, and nobody else is asked",
  async (_name, script, code, words) => {
    await using plane = await startTargets({ one: script, two: good }, impatiently);
    using client = rawPost(plane.gateway, { body: streamBody });
    await until("the connection is over", () => client.isClosed);

    expect(client.received).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
    expect(client.received).toContain(first);
    expect(client.received).not.toContain("[DONE]");
    // Not the chunk of length nought with which HTTP says that a body is whole.
    expect(client.received).not.toMatch(/\r\n0\r\n\r\n$/);
    expect(client.received).not.toContain('"finish_reason":"');
    const [, told = ""] = /data: (\{"error":.*\})\n\n/.exec(client.received) ?? [];
    expect(JSON.parse(told)).toMatchObject({ error: { code, param: null } });
    expect(told).toContain(words);
    expect(plane.counts()).toEqual({ one: 1, two: 0 });
    await until("it is logged as failed", () =>
      plane.gateway.lines.some((line) =>
        ["upstream_error", "upstream_timeout"].includes(String(line["outcome"])),
      ),
    );
  },
);

test("after the 500 ms of silence the headers are out, and a failure can no longer fall back", async () => {
  const gate = Promise.withResolvers<undefined>();
  const one: Script = async (response) => {
    response.writeHead(200, sse).flushHeaders();
    await gate.promise;
    response.end(errorEvent(overloaded));
  };
  await using plane = await startTargets({ one, two: good });
  const client = readStream(await plane.gateway.post("/v1/chat/completions", streamBody));
  expect(client.response.status).toBe(200);
  gate.resolve(undefined);
  expect(await client.toEnd()).toBe("cut");
  expect(chunksOf(client.data)).toMatchObject([{ error: { code: "engine_overloaded" } }]);
  expect(plane.counts()).toEqual({ one: 1, two: 0 });
});

test.each([
  ["plain", {}, (text: string) => Buffer.from(text)],
  [
    "compressed",
    { "content-encoding": "gzip" },
    (text: string) => gzipSync(text, { finishFlush: constants.Z_SYNC_FLUSH }),
  ],
])(
  "everything that came before a reset reaches the client before the error (%s)",
  async (_name, headers, encode) => {
    const events = Array.from({ length: 50 }, (_, index) => chatChunk({ content: `${index},` }));
    const script = thenReset(encode(events.join("")), headers);
    await using plane = await startOneUpstream({ script });
    const client = readStream(await plane.chat({ stream: true }));
    expect(await client.toEnd()).toBe("cut");
    expect(client.text.startsWith(events.join(""))).toBe(true);
    expect(chunksOf(client.data.slice(50))).toMatchObject([{ error: { code: "upstream_error" } }]);
  },
);

test("a compression that breaks off is not taken for the end of a stream", async () => {
  const gate = Promise.withResolvers<undefined>();
  await using plane = await startOneUpstream({
    script: async (response) => {
      response.writeHead(200, { ...sse, "content-encoding": "gzip" });
      response.write(gzipSync(first, { finishFlush: constants.Z_SYNC_FLUSH }));
      await gate.promise;
      response.end("no gzip");
    },
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText(first);
  gate.resolve(undefined);
  expect(await client.toEnd()).toBe("cut");
  expect(chunksOf(client.data).at(-1)?.error?.message).toContain("not gzip");
});

test("an error in the middle of a stream of /v1/responses is an event named `error`", async () => {
  const created = `event: response.created\ndata: {"type":"response.created","response":{"id":"resp_1"}}\n\n`;
  const error = `event: error\ndata: {"type":"error","code":"server_error","message":"boom","param":null}\n\n`;
  await using plane = await startOneUpstream({ script: stream([created, error]) });
  const response = await plane.gateway.post("/v1/responses", {
    model: "m",
    input: "Hi",
    stream: true,
  });
  const client = readStream(response);
  expect(await client.toEnd()).toBe("cut");
  expect(client.text.startsWith(`${created}event: error\ndata: {"error":{`)).toBe(true);
  expect(chunksOf(client.data).at(-1)).toMatchObject({
    error: { message: "boom", code: "server_error" },
  });
});

test("a shutdown that cannot wait ends a stream with an error event that says so", async () => {
  await using plane = await startOwnGateway({
    script: (response) => void response.writeHead(200, sse).write(first),
  });
  const client = readStream(await plane.chat({ stream: true }));
  await client.untilText(first);
  const closing = plane.gateway.close();
  expect(await client.toEnd()).toBe("cut");
  expect(chunksOf(client.data).at(-1)?.error?.code).toBe("shutting_down");
  await closing;
});

test("a third-party mock that drops its connection is fallen back from, until its stream has begun", async () => {
  const long = "one two three four five six";
  await using running = await startMock((mock) => {
    mock.onMessage("drop", { content: long }, { chaos: { disconnectRate: 1 } });
    mock.onMessage("cut", { content: long }, { chunkSize: 3, latency: 5, truncateAfterChunks: 4 });
  });
  await using two = await startScriptedUpstream(good);
  const providers = {
    mock: { type: "openai", base_url: running.baseUrl, models: ["m"] },
    two: { type: "openai-compatible", base_url: two.baseUrl },
  };
  const targets = Object.keys(providers).map((provider) => ({ provider, model: "m" }));
  await using gateway = await startGateway({
    env: impatient,
    yaml: yamlOf({ providers, models: { fast: { retries: 0, targets } } }),
  });
  const ask = async (content: string): Promise<StreamClient> => {
    const fields = { model: "fast", stream: true, messages: [{ role: "user", content }] };
    return readStream(await gateway.post("/v1/chat/completions", chatBody(fields)));
  };
  const dropped = await ask("drop");
  expect(await dropped.toEnd()).toBe("whole");
  expect(contentOf(chunksOf(dropped.data))).toBe("from two");

  const cut = await ask("cut");
  expect(await cut.toEnd()).toBe("cut");
  const chunks = chunksOf(cut.data);
  expect(chunks.at(-1)?.error?.code).toBe("upstream_error");
  expect(long.startsWith(contentOf(chunks.slice(0, -1)))).toBe(true);
});
