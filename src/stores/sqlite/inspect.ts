import { Connection } from "./connection.ts";

/** What is wrong with a database, for `sentinel doctor`; undefined for one that is whole. Blocks its thread. */
export function databaseFault(path: string): string | undefined {
  try {
    const connection = new Connection(path, { readOnly: true });
    try {
      const found = connection.value("PRAGMA quick_check(1)");
      return found === "ok" ? undefined : String(found);
    } finally {
      connection.close();
    }
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The version of SQLite that this Node has. */
export function sqliteVersion(): string {
  const connection = new Connection(":memory:");
  try {
    return String(connection.value("SELECT sqlite_version()"));
  } finally {
    connection.close();
  }
}
