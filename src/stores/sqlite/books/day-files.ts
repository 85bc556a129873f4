import { closeSync, mkdirSync, openSync, readdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

import { idEpochMs } from "../../../lib/ids.ts";

/** A UTC day as `20261121`. */
export type Day = string;
export type DayFileKind = "audit" | "payloads";

export const dayMs = 86_400_000;

export const auditFolder = (dataDir: string): string => join(dataDir, "audit");

/** Which files there are, and what was removed from them in time: made with the folder. */
export const chainPath = (dataDir: string): string => join(auditFolder(dataDir), "chain.db");

export function dayFilePath(dataDir: string, kind: DayFileKind, day: Day): string {
  return join(auditFolder(dataDir), `${kind}-${day}.db`);
}

/** The day in which a request began, by its id. Throws for what is no ULID. */
export const dayOfId = (id: string): Day => dayOf(idEpochMs(id));

/** Runs once per record; the last day's answer is kept. */
export function dayOf(epochMs: number): Day {
  const number = Math.floor(epochMs / dayMs);
  if (number === lastNumber) return lastDay;
  lastDay = new Date(number * dayMs).toISOString().slice(0, 10).replaceAll("-", "");
  lastNumber = number;
  return lastDay;
}

let lastNumber = Number.NaN;
let lastDay = "";

/** The first instant of a day. */
export function dayStartMs(day: Day): number {
  return Date.UTC(Number(day.slice(0, 4)), Number(day.slice(4, 6)) - 1, Number(day.slice(6)));
}

/** The days that have a file of this kind, the oldest first. */
export function listDays(dataDir: string, kind: DayFileKind): Day[] {
  const pattern = new RegExp(`^${kind}-(\\d{8})\\.db$`);
  return namesIn(auditFolder(dataDir))
    .flatMap((name) => pattern.exec(name)?.[1] ?? [])
    .sort();
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if (isMissing(error)) return [];
    throw error;
  }
}

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && error.code === "ENOENT";

/** SQLite gives the files that it puts beside the first one the same mode. */
export function makePrivateFile(path: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  try {
    closeSync(openSync(path, "wx", 0o600));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EEXIST") return;
    throw error;
  }
  // What an older file of this name left must not be taken for this one's.
  for (const suffix of ["-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}

/** A database and what SQLite puts beside it. */
export function removeDatabase(path: string): void {
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
}
