import type { ClaimedJob, JobContent } from "./job-store.ts";

/** What has to be done for the jobs of one kind. */
export interface JobHandler {
  /**
   * Does it. What it comes to is written down before this resolves, under an id that is the same for each attempt: the job
   * is completed after that, and whoever dies in between has it run once more. Rejecting is a mistake of ours, and another
   * attempt is made.
   */
  run(job: ClaimedJob, context: JobContext): Promise<JobOutcome>;
  /** Writes down that it will not be done, and why, before the job is dead or cancelled. Rejecting: it is asked for again later. */
  giveUp(job: JobContent, reason: string, context: JobContext): Promise<void>;
  /** In one round. */
  readonly attemptsMax?: number;
  /** One attempt is cut short after so long, and has failed. */
  readonly runMsMax?: number;
  /** The first retry comes after at most so long, each further one after at most twice as long as the one before. */
  readonly retryBaseMs?: number;
}

export interface JobContext {
  /** Aborted when the time is over, when the job is somebody else's by now or cancelled, and at shutdown. */
  readonly signal: AbortSignal;
}

export type JobOutcome =
  | { readonly kind: "done" }
  /** `reason`: a word for it, without anything of the payload. Not before `afterMs`. */
  | { readonly kind: "retry"; readonly reason: string; readonly afterMs?: number | undefined }
  /** No attempt would change it: it is given up at once. */
  | { readonly kind: "dead"; readonly reason: string };

/** Reasons that the runner has, besides those of handlers. */
export const runnerReasons = {
  /** The handler rejected. */
  error: "error",
  timeout: "timeout",
  /** Whoever ran the last attempt died with it, or lost it. */
  crashed: "crashed",
  /** Somebody did not want it done (`cancel-job.ts`). */
  cancelled: "cancelled",
} as const;

export const attemptsMaxDefault = 8;
export const runMsMaxDefault = 600_000;
export const retryBaseMsDefault = 1_000;
