import type { ClaimTerms, JobFailure, JobLease, JobRoom, NewJob } from "../../../jobs/job-store.ts";
import type { SqlStatement, SqlValue } from "../protocol.ts";

/** What is done to jobs, as SQL: for the store, whose connection is in a thread, and for the books thread. */

/** Changes nothing, and so undoes its transaction, where there is no room. */
export const gateStatement = ({ jobsMax, bytesMax }: JobRoom): SqlStatement => ({
  sql: "UPDATE gate SET waiting = waiting WHERE waiting < ? AND bytes < ?",
  params: [jobsMax, bytesMax],
  mustChange: true,
});

/** The jobs, as many as are new, and then what they are about. */
export function enqueueStatements(
  jobs: readonly NewJob[],
  nowMs: number,
): readonly [SqlStatement, SqlStatement] {
  const rows = jobs.map(({ id, kind, tenantId, priority, delayMs = 0, payload }) => [
    id,
    kind,
    tenantId,
    priority,
    payload,
    nowMs + delayMs,
  ]);
  const list = JSON.stringify(rows);
  return [
    { sql: enqueueSql, params: [nowMs, list] },
    { sql: fillSql, params: [list] },
  ];
}

const enqueueSql = `
  INSERT INTO jobs
    (id, kind, tenant_id, priority, state, enqueued_at_ms, due_at_ms, attempt, round, bytes)
  SELECT value ->> 0, value ->> 1, value ->> 2, value ->> 3, 'waiting', ?, value ->> 5,
    0, 1, length(CAST(value ->> 4 AS BLOB))
  FROM json_each(?) WHERE true
  ON CONFLICT (id) DO NOTHING`;

/** Whatever is not done has a payload from the start: of what was known nothing changes. */
const fillSql = `
  INSERT INTO payloads
  SELECT jobs.number, value ->> 4 FROM json_each(?) JOIN jobs ON jobs.id = value ->> 0
  WHERE jobs.state = 'waiting'
  ON CONFLICT (number) DO NOTHING`;

export const priorities = [9, 8, 7, 6, 5, 4, 3, 2, 1, 0] as const;
/** Of these there is one index look-up for each priority. */
const claimKindsMax = 10;
/** So many leases that are over are looked at, at most. */
const expiredMax = 1_000;

/** A row if a claim could find something: where nothing is judged, that is asked all day, and a claim costs ten times as much. */
export const mayClaimStatement = (nowMs: number): SqlStatement => ({
  sql: `
    SELECT 1 FROM gate WHERE waiting > 0
      OR EXISTS (SELECT 1 FROM jobs WHERE state = 'running' AND lease_until_ms <= ?)`,
  params: [nowMs],
});

/**
 * One statement, so that nobody comes in between. Each kind and priority is a range of the index from its longest due
 * job on: how many wait does not matter.
 */
export function claimStatement(terms: ClaimTerms, token: string, nowMs: number): SqlStatement {
  const kinds = [...new Set(terms.kinds)].slice(0, claimKindsMax);
  const due = kinds.flatMap((kind) =>
    priorities.map((priority): SqlValue[] => [kind, priority, nowMs, terms.limit]),
  );
  const ranges = due.map(() => `SELECT * FROM (${dueSql})`).join(" UNION ALL ");
  const places = kinds.map(() => "?").join(", ");
  const sql = `
    UPDATE jobs
    SET state = 'running', token = ?, worker = ?, lease_until_ms = ?, attempt = attempt + 1
    WHERE number IN (
      SELECT number FROM (
        ${ranges} UNION ALL
        SELECT * FROM (
          SELECT number, priority, due_at_ms FROM jobs
          WHERE state = 'running' AND lease_until_ms <= ? AND kind IN (${places})
          ORDER BY lease_until_ms LIMIT ${expiredMax}))
      ORDER BY priority DESC, due_at_ms, number LIMIT ?)
    RETURNING *, (SELECT payload FROM payloads WHERE payloads.number = jobs.number) AS payload`;
  const taken = [token, terms.worker, nowMs + terms.leaseMs];
  return { sql, params: [...taken, ...due.flat(), nowMs, ...kinds, terms.limit] };
}

const dueSql = `
  SELECT number, priority, due_at_ms FROM jobs
  WHERE state = 'waiting' AND kind = ? AND priority = ? AND due_at_ms <= ?
  ORDER BY due_at_ms, number LIMIT ?`;

/** Which of the leases are still held, in a list of pairs as JSON. */
const heldSql = `
  SELECT jobs.number FROM json_each(?) AS lease
  JOIN jobs ON jobs.id = lease.value ->> 0 AND jobs.token = lease.value ->> 1
  WHERE jobs.state = 'running'`;

const pairsOf = (leases: readonly JobLease[]): string =>
  JSON.stringify(leases.map(({ id, token }) => [id, token]));

/** Gives those that are still held. */
export const heartbeatStatement = (leases: readonly JobLease[], untilMs: number): SqlStatement => ({
  sql: `UPDATE jobs SET lease_until_ms = ? WHERE number IN (${heldSql}) RETURNING id, token`,
  params: [untilMs, pairsOf(leases)],
});

export const releaseStatement = (leases: readonly JobLease[]): SqlStatement => ({
  sql: `
    UPDATE jobs SET state = 'waiting', attempt = attempt - 1, ${noLease}
    WHERE number IN (${heldSql})`,
  params: [pairsOf(leases)],
});

const noLease = "token = NULL, worker = NULL, lease_until_ms = NULL";
const isHeld = "id = ? AND token = ? AND state = 'running'";

export const completeStatement = ({ id, token }: JobLease, nowMs: number): SqlStatement => ({
  sql: `
    UPDATE jobs SET state = 'done', over_at_ms = ?, ${noLease} WHERE ${isHeld}`,
  params: [nowMs, id, token],
});

export function failStatement(
  { id, token }: JobLease,
  { reason, retryInMs }: JobFailure,
  nowMs: number,
): SqlStatement {
  if (retryInMs !== undefined) {
    const sql = `UPDATE jobs SET state = 'waiting', due_at_ms = ?, ${noLease} WHERE ${isHeld}`;
    return { sql, params: [nowMs + Math.max(0, Math.ceil(retryInMs)), id, token] };
  }
  const sql = `
    UPDATE jobs SET state = 'dead', reason = ?, over_at_ms = ?, ${noLease} WHERE ${isHeld}`;
  return { sql, params: [reason, nowMs, id, token] };
}

export const cancelStatement = (id: string, nowMs: number): SqlStatement => ({
  sql: `
    UPDATE jobs SET state = 'cancelled', reason = NULL, over_at_ms = ?, ${noLease}
    WHERE id = ? AND state IN ('waiting', 'running', 'dead')`,
  params: [nowMs, id],
});

export const retryDeadStatement = (id: string, nowMs: number): SqlStatement => ({
  sql: `
    UPDATE jobs SET state = 'waiting', round = round + 1, attempt = 0, due_at_ms = ?,
      reason = NULL, over_at_ms = NULL
    WHERE id = ? AND state = 'dead'`,
  params: [nowMs, id],
});

/** Whoever ran it is gone: it can be claimed at once, and the attempt counts. */
export const orphanStatement: SqlStatement = {
  sql: "UPDATE jobs SET lease_until_ms = 0 WHERE state = 'running'",
};
