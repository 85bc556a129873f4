import { statSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { Connection } from "../connection.ts";
import { migrate } from "../migrate.ts";
import { isMissing, makePrivateFile } from "./day-files.ts";

export type BookKind = "audit" | "payloads" | "ledger" | "chain" | "marks";

/** A day's index has some tens of megabytes under load: with SQLite's own two, pages go out and in again and again. */
const cacheKib = 8_192;
/** Twice what SQLite has: a page that is written often is brought back from the log half as often. 16 MB. */
const logPages = 2_000;
/** Of a file that is made now. Records have one to two kilobytes: pages of four would be a third empty. */
const pageBytes = 8_192;

/** Opens for writing, makes if need be, and brings up to date. */
export function openFile(kind: BookKind, path: string): Connection {
  makePrivateFile(path);
  const connection = new Connection(path);
  try {
    connection.script(`PRAGMA page_size = ${pageBytes}`);
    const folder = new URL(`${kind}-migrations/`, import.meta.url);
    migrate(connection, { path, migrationsFolder: fileURLToPath(folder) });
    connection.script(`PRAGMA cache_size = -${cacheKib}; PRAGMA wal_autocheckpoint = ${logPages};`);
    // What is erased is overwritten, not only forgotten.
    if (kind === "audit" || kind === "payloads") connection.script("PRAGMA secure_delete = ON");
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

/** For reading only; undefined where there is none, or one that is just being made. */
export function openToRead(path: string): Connection | undefined {
  if (fileId(path) === undefined) return undefined;
  let connection: Connection | undefined;
  try {
    connection = new Connection(path, { readOnly: true });
    if (Number(connection.value("PRAGMA user_version")) > 0) return connection;
    connection.close();
    return undefined;
  } catch (error) {
    connection?.close();
    if (fileId(path) === undefined) return undefined; // Removed meanwhile.
    throw error;
  }
}

/** Which file a path names now: another one after it was removed and made again. */
export function fileId(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}
