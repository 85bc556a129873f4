import { encodeTime } from "ulid";

import { periodIdOf } from "../../../pipeline/limits/budget-periods.ts";
import type { PeriodKind } from "../../../pipeline/limits/budget-periods.ts";
import type { Connection } from "../connection.ts";
import { dayMs } from "./day-files.ts";

/** Budgets' periods that are over stay so long, for whoever asks what was spent. */
const keptDays: Readonly<Record<Exclude<PeriodKind, "total">, number>> = {
  day: 40,
  week: 100,
  month: 400,
};
/** A mark is of use as long as the writer's journal is there: hours. */
const markKeptDays = 400;
const rowsPerRun = 2_000;

/** To be called in a transaction. Forgets a bounded number of rows; says how many. */
export function pruneLedger(connection: Connection, nowMs: number): number {
  let pruned = 0;
  for (const kind of ["day", "week", "month"] as const) {
    const oldest = periodIdOf(kind, nowMs - keptDays[kind] * dayMs);
    const sql = `
      DELETE FROM spent WHERE (period_id, tenant, key) IN (
        SELECT period_id, tenant, key FROM spent WHERE period_id > ? AND period_id < ? LIMIT ?)`;
    pruned += connection.run({ sql, params: [oldest.slice(0, 2), oldest, rowsPerRun] });
  }
  const sql = `
    DELETE FROM marks WHERE writer IN (SELECT writer FROM marks WHERE writer < ? LIMIT ?)`;
  const oldestWriter = encodeTime(Math.max(0, nowMs - markKeptDays * dayMs), 10);
  return pruned + connection.run({ sql, params: [oldestWriter, rowsPerRun] });
}
