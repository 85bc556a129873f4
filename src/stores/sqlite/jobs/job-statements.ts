import type {
  ClaimTerms,
  ForgottenJobs,
  JobFailure,
  JobLease,
  JobRoom,
  NewJob,
} from "../../../jobs/job-store.ts";
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

/**
 * Of a row that does not fit its page, SQLite keeps the rest in overflow pages, which are the row's own: they are never
 * moved, and are written over with zeros when it is deleted (secure_delete). What is in the page itself is copied when
 * its neighbours come and go, and copies are left behind. So each payload has blanks before it, as many as stay in the
 * page (489 bytes at least, of 4,096), and as many more as fill the last overflow page (4,092). As JSON it is the same.
 * (https://www.sqlite.org/fileformat2.html#b_tree_pages, read 2026-11-22)
 */
const blanksInPage = 512;
const overflowBytes = 4_092;
const filledSql = `(${overflowBytes} - jobs.bytes % ${overflowBytes}) % ${overflowBytes}`;
const blanksSql = `printf('%*s', ${blanksInPage} + ${filledSql}, '')`;

/** Whatever is not done has a payload from the start: of what was known nothing changes. */
const fillSql = `
  INSERT INTO payloads
  SELECT jobs.number, ${blanksSql} || (value ->> 4)
  FROM json_each(?) JOIN jobs ON jobs.id = value ->> 0
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
    RETURNING *, ${payloadSql} AS payload`;
  const taken = [token, terms.worker, nowMs + terms.leaseMs];
  return { sql, params: [...taken, ...due.flat(), nowMs, ...kinds, terms.limit] };
}

/** Of a job, without the blanks before it. */
const payloadSql = "(SELECT ltrim(payload) FROM payloads WHERE payloads.number = jobs.number)";

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

export const findStatement = (id: string): SqlStatement => ({
  sql: `
    SELECT id, kind, tenant_id, round, state, ${payloadSql} AS payload FROM jobs
    WHERE id = ? AND state IN ('waiting', 'running', 'dead')`,
  params: [id],
});

export const cancelStatement = (ids: readonly string[], nowMs: number): SqlStatement => ({
  sql: `
    UPDATE jobs SET state = 'cancelled', reason = NULL, over_at_ms = ?, ${noLease}
    WHERE id IN (SELECT value FROM json_each(?)) AND state IN ('waiting', 'running', 'dead')`,
  params: [nowMs, JSON.stringify(ids)],
});

/** Those that are not known, as if they had been cancelled. */
export const rememberStatement = (
  { kind, tenantId, ids }: ForgottenJobs,
  nowMs: number,
): SqlStatement => ({
  sql: `
    INSERT INTO jobs
      (id, kind, tenant_id, priority, state, enqueued_at_ms, due_at_ms, over_at_ms, attempt, round, bytes)
    SELECT value, ?, ?, 0, 'cancelled', ?, ?, ?, 0, 1, 0 FROM json_each(?) WHERE true
    ON CONFLICT (id) DO NOTHING`,
  params: [kind, tenantId, nowMs, nowMs, nowMs, JSON.stringify(ids)],
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
