import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  gzipSync,
} from "node:zlib";
import type { Transform } from "node:stream";

import fc from "fast-check";
import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { shareOneUpstream } from "../support/one-upstream.ts";
import type { OneUpstream } from "../support/one-upstream.ts";
import { chatChunk, done, stream } from "../support/scripted-upstream.ts";
import { chunksOf, contentOf, readStream } from "../support/stream-client.ts";

const startOneUpstream = shareOneUpstream();

const hard = "héllo 😀 \u2028 \u2029 \u0085 \u0000 data: [DONE] 漢字 e\u0301";
/** As servers write it that do not escape: the separators and the emoji as UTF-8. */
const hardEvents = [chatChunk({ role: "assistant", content: "" }), chatChunk({ content: hard })];
const last = chatChunk({}, "stop");
const hardStream = Buffer.from([...hardEvents, last, done].join(""));

/** The bytes that the client gets for a stream of these chunks. */
async function streamed(plane: OneUpstream, chunks: readonly (string | Buffer)[]): Promise<string> {
  plane.upstream.answer(stream(chunks));
  const client = readStream(await plane.chat({ stream: true }));
  expect(await client.toEnd()).toBe("whole");
  return client.text;
}

const pieces = (bytes: Buffer, size: number): Buffer[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) =>
    bytes.subarray(index * size, (index + 1) * size),
  );

test("a character that is split over packets arrives whole", async () => {
  await using plane = await startOneUpstream();
  expect(await streamed(plane, pieces(hardStream, 1))).toBe(hardStream.toString("utf8"));
  expect(await streamed(plane, pieces(hardStream, 7))).toBe(hardStream.toString("utf8"));
});

test("events that come in one packet are told apart", async () => {
  await using plane = await startOneUpstream();
  expect(await streamed(plane, [hardStream])).toBe(hardStream.toString("utf8"));
});

test("U+2028 and U+0085 inside a text end no line", async () => {
  await using plane = await startOneUpstream({ type: "openai-compatible" });
  const text = await streamed(plane, [hardStream]);
  const data = text.split("\n\n").filter((block) => block !== "");
  expect(contentOf(chunksOf(data.map((block) => block.slice("data: ".length))))).toBe(hard);
});

test.each([
  ["CRLF", "\r\n"],
  ["CR", "\r"],
])("lines that end in %s are read, also when the end is split over packets", async (_name, end) => {
  await using plane = await startOneUpstream();
  const text = hardStream.toString("utf8").replaceAll("\n", end);
  for (const size of [1, 3, 10_000]) {
    const received = await streamed(plane, pieces(Buffer.from(text), size));
    expect(received.replaceAll(/\r\n?/g, "\n")).toBe(hardStream.toString("utf8"));
  }
});

test("a marker is recognised without a space after `data:`, with one more, and with CRLF", async () => {
  await using plane = await startOneUpstream();
  for (const marker of ["data:[DONE]\n\n", "data:  [DONE] \n\n", "data: [DONE]\r\n\r\n"]) {
    expect(await streamed(plane, [chatChunk({ content: "a" }), marker])).toBe(
      chatChunk({ content: "a" }) + done,
    );
  }
});

test("no space after `data:` is no obstacle to reading usage, and the bytes stay", async () => {
  await using plane = await startOneUpstream();
  const event = last.replace("data: ", "data:");
  const usage = 'data:{"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\n';
  expect(await streamed(plane, [event, usage, "data:[DONE]\n\n"])).toBe(event + done);
  await until("it is logged", () => plane.gateway.lines.some((line) => line["input_tokens"] === 3));
});

test("comments and the fields `id`, `retry` and `event` go through as they came", async () => {
  await using plane = await startOneUpstream();
  const events = [
    ": keep-alive\n\n",
    `id: 1\nretry: 3000\nevent: message\n: in between\n${chatChunk({ content: "a" })}`,
    ":\n\n",
    `${last.trimEnd()}\nid: 2\nunknown: x\nnocolon\n\n`,
  ];
  expect(await streamed(plane, [...events, `: bye\n${done}`])).toBe(events.join("") + done);
});

test("data over several lines is one event, however it is spaced", async () => {
  await using plane = await startOneUpstream();
  const spread = (value: object): string =>
    `${JSON.stringify(value, null, 2).replaceAll(/^/gm, "data: ").replaceAll(":  ", ":   ")}\n\n`;
  const content = spread({ choices: [{ index: 0, delta: { content: "a" } }] });
  const finish =
    'data: {"choices":[{"index":0,\ndata: "finish_reason"\ndata: :\ndata:\t"stop"}]}\n\n';
  const usage = spread({ choices: [], usage: { prompt_tokens: 3, completion_tokens: 2 } });
  expect(await streamed(plane, [content, finish, usage])).toBe(content + finish + done);
});

test("an event without data, as some servers send to keep the line warm, becomes a comment", async () => {
  await using plane = await startOneUpstream();
  const events = ["data:\n\n", chatChunk({ content: "a" }), "event: ping\ndata: \n\n", last];
  expect(await streamed(plane, [...events, done])).toBe(
    [":\n\n", chatChunk({ content: "a" }), ":\n\n", last, done].join(""),
  );
});

test("a byte order mark in front of the stream is taken off", async () => {
  await using plane = await startOneUpstream();
  expect(await streamed(plane, [`\uFEFF${last}`, done])).toBe(last + done);
});

const sync = { flush: constants.Z_SYNC_FLUSH };
const compressors: Record<string, () => Transform> = {
  gzip: () => createGzip(sync),
  deflate: () => createDeflate(sync),
  br: () => createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH }),
  zstd: () => createZstdCompress({ flush: constants.ZSTD_e_flush }),
};

test.each(Object.entries(compressors))(
  "a stream compressed with %s comes out plain, each event at once",
  async (encoding, createCompressor) => {
    const gate = Promise.withResolvers<undefined>();
    await using plane = await startOneUpstream({
      script: async (response) => {
        response.writeHead(200, {
          "content-type": "text/event-stream",
          "content-encoding": encoding,
        });
        const compressor = createCompressor();
        compressor.pipe(response);
        for (const event of hardEvents) compressor.write(event);
        await gate.promise;
        compressor.write(last);
        compressor.end(done);
      },
    });
    const client = readStream(await plane.chat({ stream: true }));
    await client.untilText(hardEvents.join(""));
    gate.resolve(undefined);
    expect(await client.toEnd()).toBe("whole");
    expect(client.text).toBe(hardStream.toString("utf8"));
    expect(client.response.headers.get("content-encoding")).toBeNull();
  },
);

test.each([
  ["gzip", gzipSync(hardStream)],
  ["br", brotliCompressSync(hardStream)],
])("a compressed stream that is cut is not taken for whole (%s)", async (encoding, bytes) => {
  await using plane = await startOneUpstream({
    script: stream([bytes.subarray(0, bytes.length - 12)], { "content-encoding": encoding }),
  });
  const response = await plane.chat({ stream: true });
  if (response.status === 200) expect(await readStream(response).toEnd()).toBe("cut");
  else expect(response.status).toBe(502);
});

test("wherever a stream is split, the client gets the same bytes", async () => {
  await using plane = await startOneUpstream({ type: "openai-compatible" });
  const ends = fc.constantFrom("\n", "\r\n", "\r");
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  const cuts = fc.array(fc.nat(), { maxLength: 12 });
  await fc.assert(
    fc.asyncProperty(fc.array(text, { maxLength: 5 }), ends, cuts, async (texts, end, places) => {
      const events = [...texts.map((content) => chatChunk({ content })), last];
      const written = events.join("").replaceAll("\n", end);
      const bytes = Buffer.from(written + done.replaceAll("\n", end));
      const at = [0, ...places.map((place) => place % bytes.length).sort((a, b) => a - b)];
      const chunks = at.map((start, index) => bytes.subarray(start, at[index + 1]));
      const received = await streamed(plane, chunks);
      expect(received.replaceAll(/\r\n?/g, "\n")).toBe(events.join("") + done);
    }),
    { numRuns: 40 },
  );
});
