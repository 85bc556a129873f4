import { randomUUID } from "node:crypto";

import { jobRoom } from "../../../jobs/job-store.ts";
import type { JobRoom, JobStore } from "../../../jobs/job-store.ts";
import { checkNewJobs } from "../../../jobs/new-job.ts";
import type { SqlStatement } from "../protocol.ts";
import type { withFailures } from "../with-failures.ts";
import { addedBy } from "./added-by.ts";
import {
  countsStatement,
  deadStatement,
  toClaimedJobs,
  toCounts,
  toDeadJob,
  toOpenJob,
} from "./job-reports.ts";
import {
  cancelStatement,
  claimStatement,
  completeStatement,
  enqueueStatements,
  failStatement,
  findStatement,
  gateStatement,
  heartbeatStatement,
  mayClaimStatement,
  releaseStatement,
  rememberStatement,
  retryDeadStatement,
} from "./job-statements.ts";
import { pruneStatements } from "./prune-statements.ts";

export interface SqliteJobsOptions {
  readonly nowMs?: (() => number) | undefined;
  readonly room?: JobRoom | undefined;
}

/** Jobs in `jobs.db`. Its calls reject with `store_unavailable` where SQLite cannot answer. */
export function sqliteJobs(
  database: ReturnType<typeof withFailures>,
  { nowMs = Date.now, room = jobRoom }: SqliteJobsOptions = {},
): JobStore {
  const run = ({ sql, params }: SqlStatement): Promise<number> => database.run(sql, params);
  const all = ({ sql, params }: SqlStatement) => database.all(sql, params);
  return {
    async enqueue(jobs) {
      if (jobs.length === 0) return 0;
      const insert = enqueueStatements(checkNewJobs(jobs), nowMs());
      const outcome = await database.transaction([gateStatement(room), ...insert]);
      return addedBy(outcome, room);
    },
    async claim(terms) {
      if (terms.limit < 1 || terms.kinds.length === 0) return [];
      if ((await all(mayClaimStatement(nowMs()))).length === 0) return [];
      return toClaimedJobs(await all(claimStatement(terms, randomUUID(), nowMs())));
    },
    async heartbeat(leases, leaseMs) {
      if (leases.length === 0) return [];
      const held = await all(heartbeatStatement(leases, nowMs() + leaseMs));
      const known = new Set(held.map(({ id, token }) => `${String(token)} ${String(id)}`));
      return leases.map(({ id, token }) => known.has(`${token} ${id}`));
    },
    complete: async (lease) => (await run(completeStatement(lease, nowMs()))) === 1,
    fail: async (lease, failure) => (await run(failStatement(lease, failure, nowMs()))) === 1,
    release: async (leases) => (leases.length === 0 ? 0 : run(releaseStatement(leases))),
    find: async (id) => (await all(findStatement(id))).map(toOpenJob)[0],
    cancel: async (id) => (await run(cancelStatement([id], nowMs()))) === 1,
    async forget(jobs) {
      // Each may be done again, and neither makes a file where nothing was ever enqueued.
      await run(rememberStatement(jobs, nowMs()));
      return run(cancelStatement(jobs.ids, nowMs()));
    },
    async counts() {
      const now = nowMs();
      return (await all(countsStatement(now))).map((row) => toCounts(row, now));
    },
    listDead: async (query) => (await all(deadStatement(query))).map(toDeadJob),
    retryDead: async (id) => (await run(retryDeadStatement(id, nowMs()))) === 1,
    async prune(terms) {
      const outcome = await database.transaction(pruneStatements(terms, nowMs()));
      const [over = 0, dead = 0, tooMany = 0] = outcome.kind === "committed" ? outcome.changes : [];
      return over + dead + tooMany;
    },
  };
}
