import fc from "fast-check";
import { expect, test } from "vitest";

import { SseReader, eventBytesMax, EventTooLarge } from "../../../src/protocol/sse.ts";
import type { SseEvent } from "../../../src/protocol/sse.ts";

type Read = Pick<SseEvent, "name" | "data">;

function readAll(chunks: readonly Buffer[]): Read[] {
  const reader = new SseReader();
  return chunks
    .flatMap((chunk) => reader.push(chunk))
    .filter((event) => event.data !== undefined)
    .map(({ name, data }) => ({ name, data }));
}

const read = (text: string): Read[] => readAll([Buffer.from(text)]);

function split(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const sorted = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b);
  const edges = [0, ...sorted, bytes.length];
  return edges.slice(1).map((end, index) => bytes.subarray(edges[index], end));
}

const lineBreak = fc.constantFrom("\n", "\r\n", "\r");
const text = fc.string({ unit: "binary" }).map((value) => value.replace(/[\r\n]/g, " "));
const line = fc.oneof(
  text.map((value) => `data: ${value}`),
  text.map((value) => `data:${value}`),
  text.map((value) => `: ${value}`),
  text.map((value) => `event: ${value}`),
  fc.constantFrom("retry: 10", "id: 1", "data", "unknown: x"),
);
const stream = lineBreak.chain((end) =>
  fc
    .array(fc.array(line, { minLength: 1, maxLength: 4 }), { maxLength: 6 })
    .map((events) => events.map((lines) => lines.join(end) + end + end).join("")),
);

test("the reader gives the same events for every way of splitting the bytes", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(2_000), { maxLength: 30 }), (source, cuts) => {
      const bytes = Buffer.from(source);
      expect(readAll(split(bytes, cuts))).toEqual(readAll([bytes]));
    }),
    { numRuns: 500 },
  );
});

test("the raw bytes of the events are the stream, whatever the split", () => {
  fc.assert(
    fc.property(stream, fc.array(fc.nat(2_000), { maxLength: 30 }), (source, cuts) => {
      const reader = new SseReader();
      const raw = split(Buffer.from(source), cuts).flatMap((chunk) => reader.push(chunk));
      const joined = Buffer.concat(raw.map((event) => event.raw)).toString("utf8");
      expect(joined).toBe(Buffer.from(source).toString("utf8"));
    }),
  );
});

test("one byte at a time is enough", () => {
  const source = 'event: x\r\ndata: {"a":"ü€😀"}\r\n\r\n: note\n\ndata: one\ndata: two\n\n';
  const bytes = Buffer.from(source);
  expect(readAll(split(bytes, [...bytes.keys()]))).toEqual([
    { name: "x", data: '{"a":"ü€😀"}' },
    { name: "", data: "one\ntwo" },
  ]);
});

test("U+2028, U+2029 and U+0085 are text and not line ends", () => {
  expect(read("data: a\u2028b\u2029c\u0085d\n\n")).toEqual([
    { name: "", data: "a\u2028b\u2029c\u0085d" },
  ]);
});

test("data without a space after the colon, and with two, keeps all but the first space", () => {
  expect(read("data:x\n\ndata:  y\n\n").map((event) => event.data)).toEqual(["x", " y"]);
});

test("comments, retry and id lines are carried in raw and give no event", () => {
  const reader = new SseReader();
  const events = reader.push(Buffer.from(": ping\n\nretry: 5\nid: 7\n\ndata: x\n\n"));
  expect(events.map((event) => event.data)).toEqual([undefined, undefined, "x"]);
  expect(Buffer.concat(events.map((event) => event.raw)).toString()).toContain(": ping");
});

test("a byte order mark at the start is left out", () => {
  expect(read("\uFEFFdata: x\n\n")).toEqual([{ name: "", data: "x" }]);
});

test("the reader knows that a stream stopped in the middle of an event", () => {
  const reader = new SseReader();
  reader.push(Buffer.from("data: x\n\ndata: y"));
  expect(reader.isMidEvent).toBe(true);
});

test("an event without end is refused before it fills the memory", () => {
  const reader = new SseReader();
  const part = Buffer.alloc(1024 * 1024, 97);
  expect(() => {
    for (let bytes = 0; bytes <= eventBytesMax; bytes += part.length) reader.push(part);
  }).toThrow(EventTooLarge);
});
