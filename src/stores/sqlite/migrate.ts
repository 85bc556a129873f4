import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Connection } from "./connection.ts";
import type { WorkerSettings } from "./protocol.ts";

/** The first SQLite with STRICT tables. (https://www.sqlite.org/stricttables.html, 2021-11-27) */
const oldestSqlite = "3.37.0";

/** Brings a database up to what this code expects, or says why it cannot be used. */
export function migrate(connection: Connection, { path, migrationsFolder }: WorkerSettings): void {
  const sqlite = String(connection.value("SELECT sqlite_version()"));
  if (!isSqliteNewEnough(sqlite)) {
    throw new Error(
      `this Node brings SQLite ${sqlite}, and Sentinel needs ${oldestSqlite} or newer. ` +
        "Start Sentinel with `npm start`, which runs the Node that `npm install` put beside it.",
    );
  }
  useWriteAheadLog(connection, path);

  const migrations = readMigrations(migrationsFolder);
  const found = versionOf(connection);
  if (found > migrations.length) {
    throw new Error(
      `it was written by a newer Sentinel (schema ${found}; this one knows ${migrations.length}). ` +
        "Start that newer version, or restore a backup from before the upgrade.",
    );
  }
  for (const [index, sql] of migrations.entries()) {
    const version = index + 1;
    connection.atomically(() => {
      // Read again under the lock: another process may have started at the same time.
      if (versionOf(connection) >= version) return;
      connection.script(sql);
      connection.script(`PRAGMA user_version = ${version}`);
    });
  }
}

/** Whether `version`, as `3.45.1`, has what the schema uses. */
export function isSqliteNewEnough(version: string): boolean {
  return version.localeCompare(oldestSqlite, "en", { numeric: true }) >= 0;
}

function useWriteAheadLog(connection: Connection, path: string): void {
  const mode = connection.value("PRAGMA journal_mode = WAL");
  if (mode === "wal") return;
  throw new Error(
    `its file system cannot do SQLite's write-ahead log (the journal stays in mode "${String(mode)}"). ` +
      `Put ${path} on a local disk: network file systems do not work.`,
  );
}

function versionOf(connection: Connection): number {
  return Number(connection.value("PRAGMA user_version"));
}

/** The SQL of each migration: the first is that of schema 1. */
function readMigrations(folder: string): string[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();
  return names.map((name, index) => {
    if (Number.parseInt(name, 10) !== index + 1) {
      throw new Error(
        `migration ${name} is out of order: number ${index + 1} is missing or twice.`,
      );
    }
    return readFileSync(join(folder, name), "utf8");
  });
}
