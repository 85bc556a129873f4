import type { SqlValue } from "./protocol.ts";

/**
 * The `SET` part of an `UPDATE`, for those columns which have a value. The names of the columns are ours,
 * never a client's. With nothing to change it is an assignment that changes nothing.
 */
export function changeColumns(
  unchanging: string,
  columns: Readonly<Record<string, SqlValue | undefined>>,
): { readonly assignments: string; readonly params: readonly SqlValue[] } {
  const names: string[] = [];
  const params: SqlValue[] = [];
  for (const [name, value] of Object.entries(columns)) {
    if (value === undefined) continue;
    names.push(`${name} = ?`);
    params.push(value);
  }
  return { assignments: names.join(", ") || `${unchanging} = ${unchanging}`, params };
}
