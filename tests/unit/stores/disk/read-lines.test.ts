import { appendFile, mkdir, rm, truncate, writeFile } from "node:fs/promises";

import fc from "fast-check";
import { expect, test } from "vitest";

import { segmentPath, writerFolder } from "../../../../src/stores/disk/journal-files.ts";
import { readLines } from "../../../../src/stores/disk/read-lines.ts";
import type { LinesToRead, ReadLine } from "../../../../src/stores/disk/read-lines.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const writer = "01K00000000000000000000001";

async function journalOf(dataDir: string, segments: Readonly<Record<number, string | Buffer>>) {
  await mkdir(writerFolder(dataDir, writer), { recursive: true });
  for (const [segment, bytes] of Object.entries(segments)) {
    await writeFile(segmentPath(dataDir, writer, Number(segment)), bytes);
  }
}

async function read(dataDir: string, wanted: Partial<LinesToRead> = {}): Promise<ReadLine[]> {
  return Array.fromAsync(readLines({ dataDir, writer, ...wanted }));
}

const texts = (lines: readonly ReadLine[]) => lines.map((line) => line.text);

test("lines come in order, from one segment into the next, each with the place after it", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 1: "a\nbé\n", 2: "c\n" });
  expect(await read(folder.path)).toEqual([
    { text: "a", position: { segment: 1, offset: 2 }, isTorn: false },
    { text: "bé", position: { segment: 1, offset: 6 }, isTorn: false },
    { text: "c", position: { segment: 2, offset: 2 }, isTorn: false },
  ]);
});

test("a writer without a folder has no lines", async () => {
  await using folder = await tempFolder();
  expect(await read(folder.path)).toEqual([]);
  expect(await read(folder.path, { from: { segment: 3, offset: 9 }, isEnded: true })).toEqual([]);
});

test("reading goes on where it ended, also in the middle of what was written since", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 1: "a\nb" });
  const [first] = await read(folder.path);
  expect(first?.text).toBe("a");
  await appendFile(segmentPath(folder.path, writer, 1), "c\nd\n");
  await journalOf(folder.path, { 2: "e\n" });
  const later = await read(folder.path, { from: first?.position });
  expect(texts(later)).toEqual(["bc", "d", "e"]);
});

test("segments that were deleted at the front are passed over", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 4: "a\n", 5: "b\n" });
  expect(texts(await read(folder.path))).toEqual(["a", "b"]);
  expect(texts(await read(folder.path, { from: { segment: 2, offset: 77 } }))).toEqual(["a", "b"]);
});

test("nothing behind the place asked for is read, nor a line that it cuts through", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 1: "aa\nbb\n", 2: "cc\n" });
  const upTo = async (segment: number, offset: number) =>
    texts(await read(folder.path, { upTo: { segment, offset }, isEnded: true }));
  expect(await upTo(1, 3)).toEqual(["aa"]);
  expect(await upTo(1, 4)).toEqual(["aa"]);
  expect(await upTo(1, 6)).toEqual(["aa", "bb"]);
  expect(await upTo(2, 0)).toEqual(["aa", "bb"]);
  expect(await upTo(2, 3)).toEqual(["aa", "bb", "cc"]);
});

test("a half-written last line is left while its writer may live, and torn once it does not", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 1: "a\nhal" });
  expect(texts(await read(folder.path))).toEqual(["a"]);
  expect(await read(folder.path, { isEnded: true })).toEqual([
    { text: "a", position: { segment: 1, offset: 2 }, isTorn: false },
    { text: "hal", position: { segment: 1, offset: 5 }, isTorn: true },
  ]);
});

test("what a segment ends with is torn when there is a later one", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 1: "a\nhal", 2: "b\n" });
  const lines = await read(folder.path);
  expect(lines.map(({ text, isTorn }) => [text, isTorn])).toEqual([
    ["a", false],
    ["hal", true],
    ["b", false],
  ]);
});

test("a line may be longer than what is read at once", async () => {
  await using folder = await tempFolder();
  const long = "ü".repeat(700_000);
  await journalOf(folder.path, { 1: `a\n${long}\nb\n` });
  expect(texts(await read(folder.path))).toEqual(["a", long, "b"]);
});

test("a line beyond the limit is given as torn, shortened, and the next is whole", async () => {
  await using folder = await tempFolder();
  const endless = Buffer.alloc(65 * 1024 * 1024, "x");
  await journalOf(folder.path, {
    1: Buffer.concat([Buffer.from("a\n"), endless, Buffer.from("\nb\n")]),
  });
  const lines = await read(folder.path);
  expect(lines.map(({ text, isTorn }) => [text.length, isTorn])).toEqual([
    [1, false],
    [64 * 1024, true],
    [1, false],
  ]);
  expect(lines[2]?.position).toEqual({ segment: 1, offset: 2 + endless.length + 3 });
});

test("a file cut off at any byte gives its complete lines, and the rest as torn", async () => {
  await using folder = await tempFolder();
  const whole = "first\n\nsecönd\nthird line\n";
  const bytes = Buffer.from(whole);
  await journalOf(folder.path, { 1: bytes });
  for (let length = bytes.length; length >= 0; length--) {
    await truncate(segmentPath(folder.path, writer, 1), length);
    const kept = bytes.subarray(0, length);
    const completeTo = kept.lastIndexOf("\n") + 1;
    const complete = kept.toString("utf8", 0, completeTo).split("\n").filter(Boolean);
    const tail = kept.toString("utf8", completeTo);
    expect(texts(await read(folder.path))).toEqual(complete);
    const ended = await read(folder.path, { isEnded: true });
    expect(texts(ended)).toEqual(tail === "" ? complete : [...complete, tail]);
    expect(ended.filter((line) => line.isTorn)).toHaveLength(tail === "" ? 0 : 1);
  }
});

test("any bytes in any segments, read in any steps, give the same lines once each", async () => {
  const line = fc.oneof(fc.constant(""), fc.string({ unit: "binary", maxLength: 40 }));
  const segment = fc.array(
    line.map((text) => text.replaceAll("\n", " ")),
    { maxLength: 8 },
  );
  await fc.assert(
    fc.asyncProperty(fc.array(segment, { minLength: 1, maxLength: 4 }), async (segments) => {
      await using folder = await tempFolder();
      const bytes = segments.map((lines) => lines.map((text) => `${text}\n`).join(""));
      await journalOf(folder.path, Object.fromEntries(bytes.map((text, at) => [at + 1, text])));
      const atOnce = await read(folder.path);
      expect(texts(atOnce)).toEqual(
        segments
          .flat()
          .filter((text) => text !== "")
          .map(wellFormed),
      );
      for (const [at, { position }] of atOnce.entries()) {
        const before = texts(await read(folder.path, { upTo: position }));
        const after = texts(await read(folder.path, { from: position }));
        expect(before).toEqual(texts(atOnce.slice(0, at + 1)));
        expect(after).toEqual(texts(atOnce.slice(at + 1)));
      }
    }),
    { numRuns: 40 },
  );
});

/** Half a surrogate pair cannot be written as UTF-8. */
const wellFormed = (text: string): string => text.toWellFormed();

test("reading ends when the folder goes away meanwhile", async () => {
  await using folder = await tempFolder();
  await journalOf(folder.path, { 1: "a\nb\n", 2: "c\n" });
  const lines = readLines({ dataDir: folder.path, writer });
  expect((await lines.next()).value).toMatchObject({ text: "a" });
  await rm(writerFolder(folder.path, writer), { recursive: true });
  expect(texts(await Array.fromAsync(lines))).toEqual(["b"]);
});
