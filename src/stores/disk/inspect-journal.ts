import { createReadStream } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";

import { writerLockPath } from "./adoptions.ts";
import { lockOwnership } from "./file-lock.ts";
import { isErrorCode, listSegments, listWriters, segmentPath } from "./journal-files.ts";

/** How a data directory's journal looks from outside, for `sentinel doctor`. */
export interface JournalState {
  readonly bytes: number;
  readonly writers: number;
  /** Of these: those that no running process owns. Its next start takes them over. */
  readonly ownerless: number;
  /** Lines that no store will ever have. */
  readonly quarantined: number;
}

export async function inspectJournal(dataDir: string): Promise<JournalState> {
  const writers = await listWriters(dataDir);
  let [bytes, ownerless] = [0, 0];
  for (const writer of writers) {
    const sizes = (await listSegments(dataDir, writer)).map((segment) =>
      sizeOf(segmentPath(dataDir, writer, segment)),
    );
    for (const size of await Promise.all(sizes)) bytes += size;
    if (await isOwnerless(dataDir, writer)) ownerless += 1;
  }
  return {
    bytes,
    writers: writers.length,
    ownerless,
    quarantined: await countQuarantined(dataDir),
  };
}

/** Asks for the lock, and gives it back at once. */
async function isOwnerless(dataDir: string, writer: string): Promise<boolean> {
  const path = writerLockPath(dataDir, writer);
  // None yet: a process that is starting. To make it would get in its way.
  if ((await sizeOf(path, -1)) === -1) return false;
  const lock = await lockOwnership(path);
  lock?.release();
  return lock !== undefined;
}

async function countQuarantined(dataDir: string): Promise<number> {
  const folder = join(dataDir, "journal-quarantine");
  let lines = 0;
  for (const name of await namesIn(folder)) {
    if (!name.endsWith(".log")) continue;
    for await (const chunk of createReadStream(join(folder, name))) {
      for (const byte of chunk as Buffer) if (byte === lineFeed) lines += 1;
    }
  }
  return lines;
}

const lineFeed = 10;

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Segments go while we look. */
async function sizeOf(path: string, missing = 0): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return missing;
    throw error;
  }
}
