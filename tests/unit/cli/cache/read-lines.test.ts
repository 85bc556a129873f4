import { expect, test } from "vitest";
import fc from "fast-check";

import { readLines } from "../../../../src/cli/cache/read-lines.ts";
import type { Line } from "../../../../src/cli/cache/read-lines.ts";

async function* inPieces(bytes: Uint8Array, sizes: readonly number[]): AsyncGenerator<Uint8Array> {
  let at = 0;
  for (const size of sizes) {
    await Promise.resolve();
    yield bytes.subarray(at, (at += size));
  }
  if (at < bytes.length) yield bytes.subarray(at);
}

const linesOf = (bytes: Uint8Array, sizes: readonly number[] = [], lineBytesMax = 1_000) =>
  Array.fromAsync<Line>(readLines(inPieces(bytes, sizes), lineBytesMax));

test("lines come as they were written, however the file is cut into pieces", async () => {
  const text = fc.string({ unit: "grapheme" }).map((line) => line.replaceAll(/[\r\n]/g, ""));
  await fc.assert(
    fc.asyncProperty(
      fc.array(text.filter((line) => !line.startsWith("\ufeff"))),
      fc.constantFrom("\n", "\r\n"),
      fc.array(fc.nat(20)),
      fc.boolean(),
      async (lines, ending, sizes, hasMark) => {
        const written = lines.map((line) => line + ending).join("");
        const bytes = Buffer.from(`${hasMark && written !== "" ? "\ufeff" : ""}${written}`);
        expect(await linesOf(bytes, sizes)).toEqual(
          lines.map((line, index) => ({ number: index + 1, text: line })),
        );
      },
    ),
  );
});

test("the last line needs no end, and an empty file has none", async () => {
  expect(await linesOf(Buffer.from("a\n\nb"))).toEqual([
    { number: 1, text: "a" },
    { number: 2, text: "" },
    { number: 3, text: "b" },
  ]);
  expect(await linesOf(Buffer.from(""))).toEqual([]);
  expect(await linesOf(Buffer.from("\n"))).toEqual([{ number: 1, text: "" }]);
});

test("a line that is too long is skipped, and those after it keep their numbers", async () => {
  const bytes = Buffer.from(`${"x".repeat(10)}\n${"y".repeat(11)}\nz\n`);
  for (const sizes of [[], Array.from({ length: 30 }, () => 1)]) {
    expect(await linesOf(bytes, sizes, 10)).toEqual([
      { number: 1, text: "x".repeat(10) },
      { number: 2, fault: "too_long" },
      { number: 3, text: "z" },
    ]);
  }
});

test("bytes that are no UTF-8 are a fault of their line alone", async () => {
  const bytes = Buffer.concat([Buffer.from("a\n"), Buffer.from([0xff, 0x0a]), Buffer.from("ü\n")]);
  expect(await linesOf(bytes, [1, 1, 1, 1])).toEqual([
    { number: 1, text: "a" },
    { number: 2, fault: "not_utf8" },
    { number: 3, text: "ü" },
  ]);
});
