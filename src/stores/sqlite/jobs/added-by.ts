import type { JobRoom } from "../../../jobs/job-store.ts";
import { tooManyJobs } from "../../../jobs/too-many-jobs.ts";
import type { TransactionOutcome } from "../protocol.ts";

/** How many a transaction has added that ends with `enqueueStatements`. Throws where the gate was closed. */
export function addedBy(outcome: TransactionOutcome, room: JobRoom): number {
  if (outcome.kind === "committed") return outcome.changes.at(-2) ?? 0;
  throw tooManyJobs(room);
}
