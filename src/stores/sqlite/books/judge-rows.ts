import { judgeSums } from "../../../pipeline/judge/scores/judge-sums.ts";
import type {
  JudgeDimension,
  JudgeQuery,
  JudgeRow,
} from "../../../pipeline/judge/scores/judge-sums.ts";
import type { Connection } from "../connection.ts";
import type { SqlRow, SqlValue } from "../protocol.ts";
import { dayMs } from "./day-files.ts";
import { rowsOfSums, sumOf } from "./rows-of-sums.ts";

/** A file that an older version left, and that its writer has not brought up to date yet, has none. */
export const hasJudgeDays = (connection: Connection): boolean =>
  connection.all({ sql: "PRAGMA table_info(judge_days)" }).length > 0;

export function judgeRows(connection: Connection, query: JudgeQuery): JudgeRow[] {
  const { tenantId, fromMs, toMs, groupBy } = query;
  const names = groupBy.map((dimension) => `"${dimension}"`).join(", ");
  const sums = judgeSums.map((sum) => `sum(${sum}) AS ${sum}`).join(", ");
  const from = "FROM judge_days WHERE tenant = ? AND day >= ? AND day < ?";
  const params = [tenantId, Math.ceil(fromMs / dayMs), Math.ceil(toMs / dayMs)];
  const sql =
    names === ""
      ? `SELECT ${sums} ${from} HAVING count(*) > 0`
      : `SELECT ${names}, ${sums} ${from} GROUP BY ${names} ORDER BY ${names}`;
  return rowsOfSums(connection, sql, params).map((row) => toRow(row, groupBy));
}

function toRow(row: SqlRow, groupBy: readonly JudgeDimension[]): JudgeRow {
  const group: Partial<Record<JudgeDimension, string>> = {};
  for (const dimension of groupBy) group[dimension] = valueOf(dimension, row[dimension]);
  const sums = judgeSums.map((sum) => [sum, sumOf(row, sum)] as const);
  return { group, sums: Object.fromEntries(sums) as JudgeRow["sums"] };
}

const valueOf = (dimension: JudgeDimension, value: SqlValue | undefined): string =>
  dimension === "day" ? new Date(Number(value) * dayMs).toISOString().slice(0, 10) : String(value);
