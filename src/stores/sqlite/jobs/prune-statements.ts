import { deadMaxDefault } from "../../../jobs/job-store.ts";
import type { PruneTerms } from "../../../jobs/job-store.ts";
import type { SqlStatement } from "../protocol.ts";

/** So many of each are forgotten at once. */
export const prunedMax = 1_000;
const dayMs = 86_400_000;
/** Nobody asks for what an older day has cost. */
export const capsKeptMs = 3 * dayMs;
/** A mark that is forgotten too early costs a replay that changes nothing. */
export const marksKeptMs = 30 * dayMs;

/** Over, dead for too long, dead and too many, caps, marks. */
export function pruneStatements(
  { overMs, deadMs, deadMax = deadMaxDefault }: PruneTerms,
  nowMs: number,
): SqlStatement[] {
  const jobsThat = (state: string, beforeMs: number): SqlStatement => ({
    sql: `
      DELETE FROM jobs WHERE number IN (
        SELECT number FROM jobs WHERE ${state} AND over_at_ms < ? ORDER BY over_at_ms LIMIT ?)`,
    params: [beforeMs, prunedMax],
  });
  return [
    jobsThat("state IN ('done', 'cancelled')", nowMs - overMs),
    jobsThat("state = 'dead'", nowMs - deadMs),
    { sql: tooManyDeadSql, params: [nowMs, deadMax, prunedMax] },
    { sql: "DELETE FROM day_caps WHERE changed_at_ms < ?", params: [nowMs - capsKeptMs] },
    { sql: "DELETE FROM marks WHERE changed_at_ms < ?", params: [nowMs - marksKeptMs] },
  ];
}

const tooManyDeadSql = `
  UPDATE jobs SET state = 'cancelled', reason = NULL, over_at_ms = ?
  WHERE number IN (
    SELECT number FROM jobs WHERE state = 'dead' ORDER BY over_at_ms
    LIMIT (SELECT max(0, min(count(*) - ?, ?)) FROM jobs WHERE state = 'dead'))`;
