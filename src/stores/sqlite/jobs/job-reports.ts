import { z } from "zod";

import type {
  ClaimedJob,
  DeadJob,
  DeadQuery,
  JobCounts,
  OpenJob,
} from "../../../jobs/job-store.ts";
import type { SqlRow, SqlStatement, SqlValue } from "../protocol.ts";
import { priorities } from "./job-statements.ts";

const levels = `levels(priority) AS (VALUES ${priorities.map((each) => `(${each})`).join(", ")})`;

/** Delayed ones are counted by going through them; everything else is a few look-ups, however many wait. */
export const countsStatement = (nowMs: number): SqlStatement => ({
  sql: `
    WITH ${levels}
    SELECT kind,
      SUM(jobs) FILTER (WHERE state = 'waiting') AS waiting,
      SUM(jobs) FILTER (WHERE state = 'running') AS running,
      SUM(jobs) FILTER (WHERE state = 'dead') AS dead,
      (SELECT COUNT(*) FROM levels CROSS JOIN jobs
        WHERE jobs.state = 'waiting' AND jobs.kind = counters.kind
          AND jobs.priority = levels.priority AND jobs.due_at_ms > ?) AS delayed,
      (SELECT MIN(first) FROM (
        SELECT (SELECT MIN(due_at_ms) FROM jobs
          WHERE state = 'waiting' AND kind = counters.kind AND priority = levels.priority) AS first
        FROM levels)) AS first_waiting_ms,
      (SELECT MIN(due_at_ms) FROM jobs
        WHERE state = 'running' AND kind = counters.kind) AS first_running_ms
    FROM counters GROUP BY kind`,
  params: [nowMs],
});

const countsRow = z.object({
  kind: z.string(),
  waiting: z.number().nullable(),
  running: z.number().nullable(),
  dead: z.number().nullable(),
  delayed: z.number(),
  first_waiting_ms: z.number().nullable(),
  first_running_ms: z.number().nullable(),
});

export function toCounts(row: SqlRow, nowMs: number): JobCounts {
  const { kind, waiting, running, dead, delayed, ...firsts } = countsRow.parse(row);
  const firstMs = Math.min(
    firsts.first_waiting_ms ?? Infinity,
    firsts.first_running_ms ?? Infinity,
  );
  return {
    kind,
    waiting: waiting ?? 0,
    delayed,
    running: running ?? 0,
    dead: dead ?? 0,
    // What is not due yet is not late.
    oldestMs: firstMs > nowMs ? undefined : nowMs - firstMs,
  };
}

/** Without the payloads, of which a list may have a hundred megabytes. */
const deadColumns = "id, kind, tenant_id, reason, attempt, round, enqueued_at_ms, over_at_ms";

export function deadStatement({ kind, tenantId, limit }: DeadQuery): SqlStatement {
  const params: SqlValue[] = [];
  let sql = `SELECT ${deadColumns} FROM jobs WHERE state = 'dead'`;
  if (kind !== undefined) {
    sql += " AND kind = ?";
    params.push(kind);
  }
  if (tenantId !== undefined) {
    sql += " AND tenant_id = ?";
    params.push(tenantId);
  }
  return {
    sql: `${sql} ORDER BY over_at_ms DESC, number DESC LIMIT ?`,
    params: [...params, limit],
  };
}

const deadRow = z.object({
  id: z.string(),
  kind: z.string(),
  tenant_id: z.string(),
  reason: z.string(),
  attempt: z.number(),
  round: z.number(),
  enqueued_at_ms: z.number(),
  over_at_ms: z.number(),
});

export function toDeadJob(row: SqlRow): DeadJob {
  const found = deadRow.parse(row);
  return {
    id: found.id,
    kind: found.kind,
    tenantId: found.tenant_id,
    reason: found.reason,
    attempts: found.attempt,
    round: found.round,
    enqueuedAtMs: found.enqueued_at_ms,
    diedAtMs: found.over_at_ms,
  };
}

const openRow = z.object({
  id: z.string(),
  kind: z.string(),
  tenant_id: z.string(),
  payload: z.string(),
  round: z.number(),
  state: z.enum(["waiting", "running", "dead"]),
});

export function toOpenJob(row: SqlRow): OpenJob {
  const { tenant_id: tenantId, ...found } = openRow.parse(row);
  return { ...found, tenantId };
}

const claimedRow = z.object({
  number: z.number(),
  id: z.string(),
  token: z.string(),
  kind: z.string(),
  tenant_id: z.string(),
  priority: z.number(),
  payload: z.string(),
  attempt: z.number(),
  round: z.number(),
  enqueued_at_ms: z.number(),
  due_at_ms: z.number(),
});

/** What was claimed comes in no order. */
export function toClaimedJobs(rows: readonly SqlRow[]): ClaimedJob[] {
  return rows
    .map((row) => claimedRow.parse(row))
    .sort(
      (left, right) =>
        right.priority - left.priority ||
        left.due_at_ms - right.due_at_ms ||
        left.number - right.number,
    )
    .map((found) => ({
      id: found.id,
      token: found.token,
      kind: found.kind,
      tenantId: found.tenant_id,
      priority: found.priority,
      payload: found.payload,
      attempt: found.attempt,
      round: found.round,
      enqueuedAtMs: found.enqueued_at_ms,
    }));
}
