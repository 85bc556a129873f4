import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

import { expect, test } from "vitest";

import * as gemini from "../fixtures/google/responses.ts";
import type { TestGateway } from "../support/gateway.ts";
import {
  chatBody,
  shareOneUpstream,
  startOneUpstream as startOwnGateway,
} from "../support/one-upstream.ts";
import { chatChunk, completion, done, stream, whole } from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const answer = completion("héllo 漢字 😀");
const compressions: [string, (bytes: Buffer) => Buffer][] = [
  ["gzip", gzipSync],
  ["x-gzip", gzipSync],
  ["GZIP", gzipSync],
  ["deflate", deflateSync],
  ["br", brotliCompressSync],
  ["zstd", zstdCompressSync],
];

const bytesOf = (value: object): Buffer => Buffer.from(JSON.stringify(value));

/** These bytes under these headers. */
const raw =
  (bytes: Buffer, headers: Record<string, string>, status = 200): Script =>
  (response) => {
    response.writeHead(status, { "content-type": "application/json", ...headers }).end(bytes);
  };

test("the length that an answer states is that of its bytes", async () => {
  await using plane = await startOneUpstream({ script: whole(answer) });
  const response = await plane.chat();
  const bytes = Buffer.from(await response.arrayBuffer());
  expect(Number(response.headers.get("content-length"))).toBe(bytes.length);
  expect(JSON.parse(bytes.toString("utf8"))).toEqual(answer);
});

test("providers are asked not to compress, whatever the client would take", async () => {
  await using plane = await startOneUpstream({ script: whole(answer) });
  await plane.chat({}, { "accept-encoding": "gzip, br" });
  expect(plane.upstream.seen[0]?.headers["accept-encoding"]).toBe("identity");
});

test.each(compressions)(
  "a whole answer compressed with %s all the same comes out plain",
  async (encoding, compress) => {
    const script = raw(compress(bytesOf(answer)), { "content-encoding": encoding });
    await using plane = await startOneUpstream({ script });
    for (let round = 0; round < 3; round++) {
      const response = await plane.chat();
      expect(response.headers.get("content-encoding")).toBeNull();
      const bytes = Buffer.from(await response.arrayBuffer());
      expect(Number(response.headers.get("content-length"))).toBe(bytes.length);
      expect(JSON.parse(bytes.toString("utf8"))).toEqual(answer);
    }
    expect(plane.upstream.connectionCount).toBe(1);
  },
);

test("a compressed refusal keeps its words", async () => {
  const error = { message: "Too long", type: "invalid_request_error", param: null, code: "long" };
  const script = raw(gzipSync(bytesOf({ error })), { "content-encoding": "gzip" }, 400);
  await using plane = await startOneUpstream({ script });
  const response = await plane.chat();
  expect(response.status).toBe(400);
  expect(await response.json()).toEqual({ error });
});

test.each([
  ["an encoding that nobody knows", raw(bytesOf(answer), { "content-encoding": "snappy" })],
  [
    "bytes that are not what they are said to be",
    raw(bytesOf(answer), { "content-encoding": "gzip" }),
  ],
  [
    "half of a compressed answer",
    raw(gzipSync(bytesOf(answer)).subarray(0, 60), { "content-encoding": "gzip" }),
  ],
])("%s from a provider is its failure", async (_name, script) => {
  const models = { once: { retries: 0, targets: [{ provider: "test", model: "m" }] } };
  await using plane = await startOneUpstream({ script, models });
  const response = await plane.chat({ model: "once" });
  expect(response.status).toBe(502);
  expect(await response.json()).toMatchObject({ error: { code: "upstream_error" } });
});

function postBytes(gateway: TestGateway, bytes: Buffer, encoding: string): Promise<Response> {
  return gateway.fetch("/v1/chat/completions", {
    method: "POST",
    headers: {
      authorization: `Bearer ${gateway.key}`,
      "content-type": "application/json",
      "content-encoding": encoding,
    },
    body: new Uint8Array(bytes),
  });
}

test.each([...compressions, ["identity", (bytes: Buffer) => bytes] as const])(
  "a request compressed with %s is decoded before it goes on",
  async (encoding, compress) => {
    await using plane = await startOneUpstream({ script: whole(answer) });
    const body = bytesOf(chatBody({ unknown: 1.5 }));
    const response = await postBytes(plane.gateway, compress(body), encoding);
    expect(await response.json()).toEqual(answer);
    const [seen] = plane.upstream.seen;
    expect(seen?.body).toEqual(body);
    expect(seen?.headers["content-encoding"]).toBeUndefined();
    expect(seen?.headers["content-length"]).toBe(String(body.length));
  },
);

test.each(["snappy", "gzip, br", "gzip, gzip"])(
  "a request encoded with %s is 415, and told what is taken",
  async (encoding) => {
    await using plane = await startOneUpstream({ script: whole(answer) });
    const response = await postBytes(plane.gateway, gzipSync(bytesOf(chatBody())), encoding);
    expect(response.status).toBe(415);
    expect(response.headers.get("accept-encoding")).toBe("gzip, deflate, br, zstd");
    expect(await response.json()).toMatchObject({ error: { code: "unsupported_media_type" } });
    expect(plane.upstream.seen).toHaveLength(0);
  },
);

test("a request that is not what its encoding says is the caller's mistake", async () => {
  await using plane = await startOneUpstream({ script: whole(answer) });
  const response = await postBytes(plane.gateway, bytesOf(chatBody()), "gzip");
  expect(response.status).toBe(400);
  expect(await response.json()).toMatchObject({ error: { code: "invalid_json" } });
});

test.each(compressions)("a small request that %s blows up is 413", async (encoding, compress) => {
  const env = { SENTINEL_MAX_BODY_BYTES: "100000" };
  await using plane = await startOwnGateway({ script: whole(answer), env });
  const bomb = compress(bytesOf(chatBody({ user: " ".repeat(50_000_000) })));
  expect(bomb.length).toBeLessThan(100_000);
  const response = await postBytes(plane.gateway, bomb, encoding);
  expect(response.status).toBe(413);
  expect(await response.json()).toMatchObject({ error: { code: "body_too_large" } });
  expect(plane.upstream.seen).toHaveLength(0);
});

const events = [chatChunk({ content: "a" }), chatChunk({ content: "b" }, "stop"), done];
const inBytes = [...Buffer.from(events.join(""))].map((byte) => Buffer.from([byte]));

test.each([
  ["application/json", events],
  ["text/plain; charset=utf-8", events],
  ["application/octet-stream", inBytes],
  ["TEXT/EVENT-STREAM", events],
  ["text/plain", [": a comment\n\n", ...events]],
  ["text/plain", ["\n", "\r\n", ...events]],
  ["text/plain", [`event: message\nid: 1\n${events.join("")}`]],
])("a stream labelled %s is a stream", async (label, chunks) => {
  await using plane = await startOneUpstream({ script: stream(chunks, { "content-type": label }) });
  const client = readStream(await plane.chat({ stream: true }));
  expect(client.response.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(chunks.join(""));
});

test.each(["application/json", "text/plain"])(
  "a stream of Google's labelled %s is a stream",
  async (label) => {
    const said = gemini.answer([{ text: "Hello" }], { finishReason: "STOP" });
    const script = stream([gemini.event(said)], { "content-type": label });
    await using plane = await startOneUpstream({ type: "google", script });
    const client = readStream(await plane.chat({ stream: true }));
    expect(await client.toEnd()).toBe("whole");
    expect(client.text).toContain('"content":"Hello"');
  },
);

test("a stream without any label is a stream", async () => {
  await using plane = await startOneUpstream({
    script: (response) => void response.writeHead(200).end(events.join("")),
  });
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  expect(client.text).toBe(events.join(""));
});

test.each(["text/html", "text/plain; charset=utf-8", "application/octet-stream", ""])(
  "a whole answer labelled '%s' is relabelled as the JSON that it is",
  async (label) => {
    const script = whole(answer, { "content-type": label });
    await using plane = await startOneUpstream({ script });
    const response = await plane.chat();
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(await response.json()).toEqual(answer);
  },
);

test.each(["application/json", "text/plain", "text/event-stream"])(
  "a whole answer labelled %s to a request for a stream becomes a stream",
  async (label) => {
    const script = stream(["\n ", JSON.stringify(answer)], { "content-type": label });
    await using plane = await startOneUpstream({ script });
    const client = readStream(await plane.chat({ stream: true }));
    expect(await client.toEnd()).toBe("whole");
    expect(client.data).toHaveLength(2);
    expect(client.text).toContain("漢字");
  },
);

test("HTML in place of an answer is a failure that shows none of it", async () => {
  const script = whole("<html><h1>Bad gateway</h1></html>", { "content-type": "text/html" }, 502);
  const models = { once: { retries: 0, targets: [{ provider: "test", model: "m" }] } };
  await using plane = await startOneUpstream({ script, models });
  const response = await plane.chat({ model: "once" });
  expect(response.status).toBe(502);
  expect(response.headers.get("content-type")).toBe("application/json");
  expect(await response.text()).not.toContain("<h1>");
});
