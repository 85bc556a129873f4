import type { Connection } from "../connection.ts";
import type { SqlRow, SqlValue } from "../protocol.ts";

/** Rows whose sums are written as `sum(name) AS name`, exact beyond what SQLite holds; `sumOf` reads them. */
export function rowsOfSums(connection: Connection, sql: string, params: SqlValue[]): SqlRow[] {
  try {
    return connection.allExact({ sql, params });
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes("integer overflow")) throw error;
    // Beyond 63 bits: the upper and the lower half of each number are summed by themselves.
    const halves = sql.replaceAll(
      /sum\((\w+)\) AS \w+/g,
      "sum($1 >> 32) AS $1_upper, sum($1 & 4294967295) AS $1",
    );
    return connection.allExact({ sql: halves, params });
  }
}

export function sumOf(row: SqlRow, sum: string): bigint {
  const upper = (row[`${sum}_upper`] ?? 0n) as bigint;
  return (upper << 32n) + (row[sum] as bigint);
}
