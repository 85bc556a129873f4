import { open } from "node:fs/promises";
import { DatabaseSync } from "node:sqlite";

import { isErrorCode } from "./journal-files.ts";

/**
 * A lock that ends with its process, however that ends: the kernel's, on an empty file, taken through SQLite, which
 * takes care of what differs between systems. A process id in a file would have to be believed: it may be another
 * process's by now, and across containers, which share a directory and not their process ids, it says nothing.
 * Nothing else may open the file: closing it would let go of the lock (POSIX).
 */
export interface FileLock {
  release(): void;
}

/**
 * For a writer's journal. Of several that ask at the same time exactly one gets it, at once; the others get undefined.
 * Throws where the folder is gone.
 */
export async function lockOwnership(path: string): Promise<FileLock | undefined> {
  return lock(path, { timeout: 0, take: "BEGIN IMMEDIATE" });
}

/** For the data directory: one process alone … */
export async function lockExclusively(path: string): Promise<FileLock | undefined> {
  return lock(path, { timeout: otherStartMs, take: "BEGIN EXCLUSIVE" });
}

/** … or any number that share it. */
export async function lockShared(path: string): Promise<FileLock | undefined> {
  // Only a read takes the lock.
  return lock(path, { timeout: otherStartMs, take: "BEGIN; SELECT count(*) FROM sqlite_schema" });
}

/** So long one start waits for another that is finding out whether it may. */
const otherStartMs = 300;

interface Taking {
  readonly timeout: number;
  readonly take: string;
}

/** Not by the stores' `Connection`: what that sets up reads from the file, and waits for whoever has it locked. */
async function lock(path: string, { timeout, take }: Taking): Promise<FileLock | undefined> {
  await makeFile(path);
  const database = new DatabaseSync(path, { timeout });
  try {
    database.exec("PRAGMA journal_mode = MEMORY"); // No file beside it.
    database.exec(take);
  } catch (error) {
    database.close();
    if (isBusy(error)) return undefined;
    throw error;
  }
  return {
    release: () => {
      database.close();
    },
  };
}

/** Only if it is missing: see above. */
async function makeFile(path: string): Promise<void> {
  try {
    await using _made = await open(path, "wx", 0o600);
  } catch (error) {
    if (!isErrorCode(error, "EEXIST")) throw error;
  }
}

const sqliteBusy = 5;

function isBusy(error: unknown): boolean {
  return error instanceof Error && "errcode" in error && error.errcode === sqliteBusy;
}
