import type { JournalPosition } from "../../disk/journal-line.ts";
import type { Connection } from "../connection.ts";

/** Whether anything of the journal was ever taken. */
export function hasMarks(connection: Connection): boolean {
  return connection.value("SELECT 1 FROM marks LIMIT 1") !== undefined;
}

/** What was taken is gone: every writer's journal is to be taken from its beginning, also after another start. */
export function forgetMarks(connection: Connection): void {
  connection.run({ sql: "DELETE FROM marks" });
}

/** How far a writer's journal is taken. A rewind may put it back. */
export function readMark(connection: Connection, writer: string): JournalPosition | undefined {
  const sql = 'SELECT segment, "offset" FROM marks WHERE writer = ?';
  const [row] = connection.all({ sql, params: [writer] });
  return row && { segment: Number(row["segment"]), offset: Number(row["offset"]) };
}

export function writeMark(connection: Connection, writer: string, mark: JournalPosition): void {
  const sql = "INSERT OR REPLACE INTO marks VALUES (?, ?, ?)";
  connection.run({ sql, params: [writer, mark.segment, mark.offset] });
}
