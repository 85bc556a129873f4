import { idEpochMs } from "../../../lib/ids.ts";
import { listWriters } from "../../disk/journal-files.ts";
import { parseLine } from "../../disk/journal-line.ts";
import type { JournalLine } from "../../disk/journal-line.ts";
import { readLines } from "../../disk/read-lines.ts";

/** Segments go one at a time and hours pass between them: to look once a minute is enough. */
const lookEveryMs = 60_000;
/** A clock may have been put back a little. */
const marginMs = 3_600_000;

/**
 * Says since when the journal has everything that it still has, or a little earlier; undefined where there is no
 * journal or that cannot be told.
 */
export function journalAge(dataDir: string): (nowMs: number) => Promise<number | undefined> {
  let known: number | undefined;
  let lookedAtMs = Number.NEGATIVE_INFINITY;
  return async (nowMs) => {
    if (Math.abs(nowMs - lookedAtMs) < lookEveryMs) return known;
    lookedAtMs = nowMs;
    const oldestMs = await oldestLineMs(dataDir);
    known = oldestMs === undefined ? undefined : oldestMs - marginMs;
    return known;
  };
}

async function oldestLineMs(dataDir: string): Promise<number | undefined> {
  let oldestMs: number | undefined;
  for (const writer of await listWriters(dataDir)) {
    const line = await firstLine(dataDir, writer);
    if (line === "none") continue;
    const lineMs = line && epochMsOf(line);
    if (lineMs === undefined) return undefined;
    oldestMs = Math.min(oldestMs ?? lineMs, lineMs);
  }
  return oldestMs;
}

/** Jobs do not say when they were written. */
type DatedLine = Exclude<JournalLine, { readonly kind: "jobs" }>;

/** `none`: nothing is there; undefined: it cannot be read. */
async function firstLine(dataDir: string, writer: string): Promise<DatedLine | "none" | undefined> {
  for await (const { text } of readLines({ dataDir, writer })) {
    const line = parseLine(writer, text);
    if (line?.kind !== "jobs") return line;
  }
  return "none";
}

/** Not after the line was written: ids are made before. */
function epochMsOf(line: DatedLine): number {
  switch (line.kind) {
    case "start":
      return idEpochMs(line.start.id);
    case "record":
      return idEpochMs(line.record.id);
    case "payload":
      return idEpochMs(line.payload.id);
    case "checkpoint":
      return line.epochMs;
  }
}
