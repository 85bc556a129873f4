import { runnerReasons } from "./job-handler.ts";
import type { JobHandler } from "./job-handler.ts";
import type { JobStore } from "./job-store.ts";

export interface CancelJobDeps {
  readonly store: Pick<JobStore, "find" | "cancel">;
  /** By kind. */
  readonly handlers: Readonly<Record<string, JobHandler>>;
}

/**
 * Takes a job out that somebody does not want done, and has its handler write that down before: whoever dies in between
 * leaves a job that is done after all, and never one of which nobody knows what became. What its worker may have written
 * down meanwhile has the same id, and the first of the two stays. Why a dead one is dead is written down already.
 * Resolves to false where there is none; rejects where its end cannot be written down.
 */
export async function cancelJob(
  id: string,
  { store, handlers }: CancelJobDeps,
  signal: AbortSignal,
): Promise<boolean> {
  const job = await store.find(id);
  if (job === undefined) return false;
  if (job.state !== "dead") {
    await handlers[job.kind]?.giveUp(job, runnerReasons.cancelled, { signal });
  }
  return store.cancel(id);
}
