import { readdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";

import type { StartRecord } from "../../pipeline/journal.ts";
import { listSegments, segmentPath, writerFolder } from "./journal-files.ts";
import { parseLine } from "./journal-line.ts";
import type { JournalPosition } from "./journal-line.ts";
import { readLineBlocks } from "./read-lines.ts";

/**
 * What a dead writer left unfinished. Beside its segments are notes:
 * `scan-from`, the oldest segment with the start of a request that ran when it was written, so that an hour of
 * journal need not be read; `adopted-by.<writer>.<segment>`, who has begun to write its `interrupted` records, and
 * from which segment on; `finished`, once all of them are on disk.
 */
export interface Leftovers {
  readonly starts: readonly StartRecord[];
  /** When it was last seen to write. */
  readonly lastSignEpochMs: number;
}

/** Of more than these, the rest is left out. Requests in flight are bounded by far less. */
const startsMax = 1_000_000;

export async function readLeftovers(dataDir: string, writer: string): Promise<Leftovers> {
  const segments = await listSegments(dataDir, writer);
  const from = { segment: await readScanFrom(dataDir, writer), offset: 0 };
  const starts = new Map<string, StartRecord>();
  await readRequests(dataDir, { writer, from }, starts, (start) => {
    if (starts.size < startsMax) starts.set(start.id, start);
  });
  for (const adopter of starts.size === 0 ? [] : await listAdopters(dataDir, writer)) {
    await readRequests(dataDir, adopter, starts, () => undefined);
  }
  const last = segments.at(-1);
  const lastSignEpochMs =
    last === undefined ? 0 : (await stat(segmentPath(dataDir, writer, last))).mtimeMs;
  return { starts: [...starts.values()], lastSignEpochMs };
}

/** Those that are finished leave `starts`. */
async function readRequests(
  dataDir: string,
  { writer, from }: { readonly writer: string; readonly from: JournalPosition },
  starts: Map<string, StartRecord>,
  onStart: (start: StartRecord) => void,
): Promise<void> {
  for await (const lines of readLineBlocks({ dataDir, writer, from })) {
    for (const { text } of lines) {
      const kind = text[9];
      if (kind !== "s" && kind !== "r") continue;
      const line = parseLine(writer, text);
      if (line?.kind === "start") onStart(line.start);
      else if (line?.kind === "record") starts.delete(line.record.id);
    }
  }
}

function notePath(dataDir: string, writer: string, note: string): string {
  return join(writerFolder(dataDir, writer), note);
}

/** Written when a segment has ended. May come late: an older segment is only more to read. */
export async function writeScanFrom(
  dataDir: string,
  writer: string,
  { oldest, ended }: { readonly oldest: number; readonly ended: number },
): Promise<void> {
  const path = notePath(dataDir, writer, "scan-from");
  const unfinished = `${path}.${ended}`; // Each its own: the next one may be written at the same time.
  await writeFile(unfinished, String(oldest), { mode: 0o600 });
  await rename(unfinished, path);
}

async function readScanFrom(dataDir: string, writer: string): Promise<number> {
  const text = await readFile(notePath(dataDir, writer, "scan-from"), "utf8").catch(() => "");
  return /^\d{1,8}$/.test(text) ? Number(text) : 0; // None, or damaged: from the beginning.
}

export async function noteAdopter(
  dataDir: string,
  writer: string,
  adopter: { readonly writer: string; readonly segment: number },
): Promise<void> {
  const note = `adopted-by.${adopter.writer}.${adopter.segment}`;
  await writeFile(notePath(dataDir, writer, note), "", { mode: 0o600 });
}

async function listAdopters(
  dataDir: string,
  writer: string,
): Promise<{ writer: string; from: JournalPosition }[]> {
  const names = await readdir(writerFolder(dataDir, writer));
  return names.flatMap((name) => {
    const [, adopter, segment] = /^adopted-by\.([0-9A-Z]{26})\.(\d+)$/.exec(name) ?? [];
    if (adopter === undefined) return [];
    return { writer: adopter, from: { segment: Number(segment), offset: 0 } };
  });
}

export async function noteFinished(dataDir: string, writer: string): Promise<void> {
  await writeFile(notePath(dataDir, writer, "finished"), "", { mode: 0o600 });
}

export async function isFinished(dataDir: string, writer: string): Promise<boolean> {
  const names = await readdir(writerFolder(dataDir, writer));
  return names.includes("finished");
}
