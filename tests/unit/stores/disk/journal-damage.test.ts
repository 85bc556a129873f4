import { cp, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";

import fc from "fast-check";
import { expect, test } from "vitest";

import { segmentPath } from "../../../../src/stores/disk/journal-files.ts";
import {
  allRecords,
  auditEntry,
  linesOf,
  startJournal,
  startRecord,
} from "../../../support/journal-lab.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

/** Three requests, each with a start and a record; without the checkpoint and the notes of a clean end. */
async function deadJournal(folder: string) {
  const starts = [startRecord(), startRecord(), startRecord()];
  const { journal, ...open } = await startJournal(folder);
  for (const start of starts) {
    journal.start(start);
    journal.record(auditEntry({ id: start.id, tags: {}, attempts: [], route: null }));
  }
  await journal.sync();
  const bytes = await readFile(segmentPath(folder, journal.writer, 1));
  await open[Symbol.asyncDispose]();
  return { starts, writer: journal.writer, bytes };
}

test(
  "cut off anywhere, each request that began has one record after the next start",
  { timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    const { starts, writer, bytes } = await deadJournal(join(folder.path, "made"));
    const template = join(folder.path, "template");
    await cp(join(folder.path, "made", "journal", writer), join(template, "journal", writer), {
      recursive: true,
      filter: (path) => !path.endsWith("finished"),
    });
    await writeFile(segmentPath(template, writer, 1), bytes);

    // Every byte around the ends of lines, and some of those between.
    const ends = [...bytes.entries()].flatMap(([at, byte]) => (byte === 10 ? [at] : []));
    const isChosen = (length: number) =>
      length % 67 === 0 || ends.some((end) => Math.abs(end - length) < 5);
    const lengths = Array.from({ length: bytes.length + 1 }, (_, length) => length);
    for (const length of lengths.filter(isChosen)) {
      const dataDir = join(folder.path, String(length));
      await cp(template, dataDir, { recursive: true });
      await truncate(segmentPath(dataDir, writer, 1), length);
      const { lines } = await linesOf(dataDir, writer);
      const began = lines.flatMap((line) => (line.kind === "start" ? [line.start.id] : []));
      {
        await using _open = await startJournal(dataDir);
      }
      const recorded = (await allRecords(dataDir)).map(({ record }) => record.id);
      expect(recorded.toSorted()).toEqual(began.toSorted());
    }
    expect(starts).toHaveLength(3);
  },
);

test(
  "damaged, torn and repeated lines take nothing else with them",
  { timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    const { writer, bytes } = await deadJournal(folder.path);
    const path = segmentPath(folder.path, writer, 1);
    await writeFile(path, bytes);
    const { lines: whole } = await linesOf(folder.path, writer);
    const texts = bytes.toString().trimEnd().split("\n");

    const damage = fc.record({
      line: fc.nat({ max: texts.length - 1 }),
      how: fc.constantFrom("flip", "cut", "repeat", "garbage"),
      at: fc.nat({ max: 10_000 }),
      bit: fc.nat({ max: 7 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(damage, { maxLength: 4 }), async (damages) => {
        const damagedLines = new Set<number>();
        const written = texts.map((text, index) => {
          let result = Buffer.from(text);
          for (const { how, at, bit } of damages.filter(({ line }) => line === index)) {
            const place = at % Math.max(1, result.length);
            if (how === "repeat") result = Buffer.concat([result, Buffer.from("\n"), result]);
            if (how === "garbage")
              result = Buffer.concat([result, Buffer.from("\n\u0000\ud7ff\tr\t\t\n\n")]);
            if (how === "cut") result = result.subarray(0, place);
            if (how === "flip") result[place] = (result[place] ?? 0) ^ (1 << bit);
            if (how === "cut" || how === "flip") damagedLines.add(index);
          }
          return result;
        });
        await writeFile(path, Buffer.concat(written.flatMap((text) => [text, Buffer.from("\n")])));
        const { lines } = await linesOf(folder.path, writer);
        const found = new Set(lines.map((line) => JSON.stringify(line)));
        for (const [index, line] of whole.entries()) {
          if (!damagedLines.has(index)) expect(found).toContain(JSON.stringify(line));
        }
        // And nothing that was never written.
        const real = new Set(whole.map((line) => JSON.stringify(line)));
        for (const line of found) expect(real).toContain(line);
      }),
      { numRuns: 300 },
    );
  },
);
