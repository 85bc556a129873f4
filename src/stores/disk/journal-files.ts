import { readdir } from "node:fs/promises";
import { join } from "node:path";

/** Where the journal lies: `<data>/journal/<writer>/<8 digits>.log`. */
export function journalFolder(dataDir: string): string {
  return join(dataDir, "journal");
}

export function writerFolder(dataDir: string, writer: string): string {
  return join(journalFolder(dataDir), writer);
}

export function segmentPath(dataDir: string, writer: string, segment: number): string {
  return join(writerFolder(dataDir, writer), `${String(segment).padStart(8, "0")}.log`);
}

/** The numbers of a writer's segments that are still there, ascending. None where the writer is gone. */
export async function listSegments(dataDir: string, writer: string): Promise<number[]> {
  const names = await namesIn(writerFolder(dataDir, writer));
  return names
    .flatMap((name) => /^(\d{8})\.log$/.exec(name)?.[1] ?? [])
    .map(Number)
    .sort((left, right) => left - right);
}

/** All writers that have a folder, the oldest first: a writer is a ULID. */
export async function listWriters(dataDir: string): Promise<string[]> {
  const names = await namesIn(journalFolder(dataDir));
  return names.filter((name) => /^[0-9A-HJKMNP-TV-Z]{26}$/.test(name)).sort();
}

async function namesIn(folder: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}

/** Whether an error is the system's with this code. */
export function isErrorCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
