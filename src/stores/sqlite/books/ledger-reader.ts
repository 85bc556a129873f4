import { usageSums } from "../../../pipeline/cost/usage-ledger.ts";
import type {
  BudgetSpent,
  UsageDimension,
  UsageQuery,
  UsageRow,
  UsageSums,
} from "../../../pipeline/cost/usage-ledger.ts";
import type { JudgeQuery, JudgeRow } from "../../../pipeline/judge/scores/judge-sums.ts";
import { periodIdsOf } from "../../../pipeline/limits/budget-periods.ts";
import type { Connection } from "../connection.ts";
import type { SqlRow, SqlValue } from "../protocol.ts";
import { dayMs } from "./day-files.ts";
import { hasJudgeDays, judgeRows } from "./judge-rows.ts";
import { rowsOfSums, sumOf } from "./rows-of-sums.ts";
import { fileId, openToRead } from "./open-file.ts";
import { ledgerPath } from "./ledger-writer.ts";

const hourMs = 3_600_000;
const hoursPerDay = 24;

/** Reads `ledger.db` while another thread writes to it. For the reading thread: every call blocks it. */
export class LedgerReader {
  readonly #path: string;
  #connection: Connection | undefined;
  #file: number | undefined;

  constructor(dataDir: string) {
    this.#path = ledgerPath(dataDir);
  }

  usage(query: UsageQuery): UsageRow[] {
    const connection = this.#open();
    if (connection === undefined) return [];
    const columns = sumColumns(connection);
    const { sql, params } = query.groupBy.includes("tag")
      ? tagStatement(query, columns)
      : statement(query, columns);
    return rowsOfSums(connection, sql, params).map((row) => toRow(row, query.groupBy));
  }

  judge(query: JudgeQuery): JudgeRow[] {
    const connection = this.#open();
    return connection === undefined || !hasJudgeDays(connection)
      ? []
      : judgeRows(connection, query);
  }

  budgetsSpent(nowMs: number): BudgetSpent[] {
    const sql = "SELECT * FROM spent WHERE period_id IN (?, ?, ?, ?)";
    const rows = this.#open()?.allExact({ sql, params: [...periodIdsOf(nowMs)] }) ?? [];
    return rows.map((row) => ({
      tenantId: String(row["tenant"]),
      keyId: row["key"] === "" ? undefined : String(row["key"]),
      periodId: String(row["period_id"]),
      spentNanoUsd: row["nano_usd"] as bigint,
    }));
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  /** Undefined until something has been written. */
  #open(): Connection | undefined {
    if (this.#connection !== undefined && this.#file !== fileId(this.#path)) this.close();
    if (this.#connection === undefined) {
      this.#connection = openToRead(this.#path);
      this.#file = fileId(this.#path);
    }
    return this.#connection;
  }
}

interface Part {
  readonly table: string;
  readonly unit: "hour" | "day";
  readonly from: number;
  readonly to: number;
}

/** Whole days are read from the days, unless hours are asked for; what is before and after them from the hours. */
function partsOf({ fromMs, toMs, groupBy }: UsageQuery): Part[] {
  const [from, to] = [Math.ceil(fromMs / hourMs), Math.ceil(toMs / hourMs)];
  const [firstDay, lastDay] = [Math.ceil(from / hoursPerDay), Math.floor(to / hoursPerDay)];
  const hours = (start: number, end: number): Part => ({
    table: "usage_hours",
    unit: "hour",
    from: start,
    to: end,
  });
  if (groupBy.includes("hour") || firstDay >= lastDay) return [hours(from, to)];
  return [
    hours(from, firstDay * hoursPerDay),
    { table: "usage_days", unit: "day", from: firstDay, to: lastDay },
    hours(lastDay * hoursPerDay, to),
  ];
}

/** A file that an older version left, and that its writer has not brought up to date yet, lacks what came later. */
function sumColumns(connection: Connection): string {
  const columns = connection.all({ sql: "PRAGMA table_info(usage_days)" });
  const found = new Set(columns.map(({ name }) => name));
  return usageSums.map((sum) => (found.has(sum) ? sum : `0 AS ${sum}`)).join(", ");
}

function statement(query: UsageQuery, columns: string): { sql: string; params: SqlValue[] } {
  const parts = partsOf(query);
  const selects = parts.map(({ table, unit }) => {
    const day = unit === "day" ? "day" : `hour / ${hoursPerDay} AS day`;
    const hour = unit === "hour" ? "hour" : "NULL AS hour";
    return `
      SELECT ${hour}, ${day}, key, model, served_model, provider, ${columns} FROM ${table}
      WHERE tenant = ? AND ${unit} >= ? AND ${unit} < ?`;
  });
  const params = parts.flatMap(({ from, to }) => [query.tenantId, from, to]);
  return { sql: grouped(selects.join(" UNION ALL "), query.groupBy), params };
}

/** Of days that begin in the range. */
function tagStatement({ tenantId, fromMs, toMs, groupBy }: UsageQuery, columns: string) {
  const select = `
    SELECT day, tag, model, ${columns} FROM tag_days WHERE tenant = ? AND day >= ? AND day < ?`;
  const params = [tenantId, Math.ceil(fromMs / dayMs), Math.ceil(toMs / dayMs)];
  return { sql: grouped(select, groupBy), params };
}

function grouped(select: string, groupBy: readonly UsageDimension[]): string {
  const names = groupBy.map((dimension) => `"${dimension}"`).join(", ");
  const sums = usageSums.map((sum) => `sum(${sum}) AS ${sum}`).join(", ");
  if (names === "") return `SELECT ${sums} FROM (${select}) HAVING count(*) > 0`;
  return `SELECT ${names}, ${sums} FROM (${select}) GROUP BY ${names} ORDER BY ${names}`;
}

function toRow(row: SqlRow, groupBy: readonly UsageDimension[]): UsageRow {
  const group: Partial<Record<UsageDimension, string>> = {};
  for (const dimension of groupBy) group[dimension] = valueOf(dimension, row[dimension]);
  const sums = usageSums.map((sum) => [sum, sumOf(row, sum)] as const);
  return { group, sums: Object.fromEntries(sums) as UsageSums };
}

function valueOf(dimension: UsageDimension, value: SqlValue | undefined): string {
  if (dimension === "hour") return `${isoOf(Number(value) * hourMs).slice(0, 13)}:00:00Z`;
  if (dimension === "day") return isoOf(Number(value) * dayMs).slice(0, 10);
  return String(value);
}

const isoOf = (epochMs: number): string => new Date(epochMs).toISOString();
