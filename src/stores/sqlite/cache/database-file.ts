import { statSync } from "node:fs";

import { makePrivateFile, removeDatabase } from "../books/day-files.ts";
import { fileId } from "../books/open-file.ts";
import { Connection, isDamaged } from "../connection.ts";

const pageBytes = 4_096;
/** What SQLite writes beside the file before it brings it into it. */
export const logBytesMax = 8 * 1024 * 1024;
const logPages = 1_000;
/** Nobody waits long for somebody else's hold on a cache. */
const busyWaitMs = 100;
/** Beyond the bound there is room for one batch, which is what drives others out. */
const batchPages = 2_048;
/** When there is no more room, so much is made free at once. */
const freeShare = 0.05;

export interface DatabaseFileSettings {
  readonly path: string;
  /** The file has no more; what SQLite writes beside it comes on top (`logBytesMax`). */
  readonly bytesMax: number;
}

export interface DatabaseTables {
  /** Sets `user_version` as well. */
  readonly schema: string;
  /** A file of another version is not brought up to this one: it is made anew. */
  readonly version: number;
}

/**
 * A SQLite file of the cache, which never has more than its bound. A file that is damaged, of another version or no
 * database at all is made anew: nothing is lost but hits.
 */
export class DatabaseFile {
  readonly connection: Connection;
  readonly #path: string;
  readonly #bytesMax: number;
  readonly #fileId: number | undefined;

  private constructor(connection: Connection, { path, bytesMax }: DatabaseFileSettings) {
    this.connection = connection;
    this.#path = path;
    this.#bytesMax = bytesMax;
    this.#fileId = fileId(path);
  }

  /** Throws where there can be none at all: no right to write there, no room. */
  static open(settings: DatabaseFileSettings, tables: DatabaseTables): DatabaseFile {
    try {
      return new DatabaseFile(connect(settings, tables), settings);
    } catch (error) {
      if (!isUnusable(error)) throw error;
      removeDatabase(settings.path);
      return new DatabaseFile(connect(settings, tables), settings);
    }
  }

  /** Whether somebody deleted it, or put another in its place: this one is nowhere then. */
  get isGone(): boolean {
    return fileId(this.#path) !== this.#fileId;
  }

  get isOverBound(): boolean {
    return this.#usedBytes() > this.#bytesMax;
  }

  /** Has `deleteSome` delete, until a twentieth of the bound is free or it says that nothing is left. */
  makeRoom(deleteSome: () => number): void {
    const goal = Math.min(this.#usedBytes(), this.#bytesMax) * (1 - freeShare);
    while (this.#usedBytes() > goal) if (deleteSome() === 0) return;
  }

  /** Gives back what is free beyond the bound: it was a larger one before. */
  shrink(): void {
    const pages = Number(this.connection.value("PRAGMA page_count"));
    const excess = pages - pagesMax(this.#bytesMax);
    if (excess > 0) this.connection.all({ sql: `PRAGMA incremental_vacuum(${excess})` });
  }

  /** All or nothing, and what is deleted is overwritten. */
  deleteSecurely<Result>(work: () => Result): Result {
    this.connection.script("PRAGMA secure_delete = ON");
    try {
      return this.connection.atomically(work);
    } finally {
      this.connection.script("PRAGMA secure_delete = OFF");
    }
  }

  /** Brings the log into the file and empties it: what was purged is not left there either. */
  emptyLog(): void {
    this.connection.value("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  close(): void {
    this.connection.close();
  }

  #usedBytes(): number {
    const pages = Number(this.connection.value("PRAGMA page_count"));
    return (pages - Number(this.connection.value("PRAGMA freelist_count"))) * pageBytes;
  }
}

class OtherVersion extends Error {}

/** SQLite's code for a statement that does not fit the tables. (https://www.sqlite.org/rescode.html) */
const errorCode = 1;

/** Whether the file is damaged, or not one that this code made: another must take its place. */
export function isUnusable(error: unknown): boolean {
  if (error instanceof OtherVersion || isDamaged(error)) return true;
  return error instanceof Error && "errcode" in error && error.errcode === errorCode;
}

/** SQLite's code for no room, on the disk or within `max_page_count`. (https://www.sqlite.org/rescode.html) */
const fullCode = 13;

export const isFull = (error: unknown): boolean =>
  error instanceof Error && "errcode" in error && error.errcode === fullCode;

const pagesMax = (bytesMax: number): number => Math.ceil(bytesMax / pageBytes);

function connect(
  { path, bytesMax }: DatabaseFileSettings,
  { schema, version }: DatabaseTables,
): Connection {
  makePrivateFile(path);
  const isNew = statSync(path).size === 0;
  const connection = new Connection(path);
  try {
    connection.script(`PRAGMA busy_timeout = ${busyWaitMs}`);
    if (isNew)
      connection.script(`PRAGMA page_size = ${pageBytes}; PRAGMA auto_vacuum = INCREMENTAL`);
    // A power cut may cost the last answers, and a broken file all of them: that is what a cache may cost.
    connection.script("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    connection.script(
      `PRAGMA wal_autocheckpoint = ${logPages}; PRAGMA journal_size_limit = ${logBytesMax};`,
    );
    if (isNew) connection.atomically(() => connection.script(schema));
    if (connection.value("PRAGMA user_version") !== version) {
      throw new OtherVersion(`${path} is of another version.`);
    }
    const pages = Number(connection.value("PRAGMA page_count"));
    const mostPages = Math.max(pages, pagesMax(bytesMax)) + batchPages;
    connection.script(`PRAGMA max_page_count = ${mostPages}`);
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}
