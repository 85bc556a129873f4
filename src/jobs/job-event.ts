import type { ClaimedJob } from "./job-store.ts";

/** What happens to jobs, for the log and the metrics. */
export type JobEvent =
  | {
      readonly kind: "ended";
      readonly job: JobNote;
      readonly outcome: AttemptOutcome;
      /** Undefined where it is done, lost or given back. */
      readonly reason: string | undefined;
      readonly runMs: number;
    }
  /** The handler rejected: a mistake of ours. */
  | { readonly kind: "handler_failed"; readonly job: JobNote; readonly error: unknown }
  /** The handler went on after its signal was aborted; nobody waits for it any more. */
  | { readonly kind: "handler_stuck"; readonly job: JobNote }
  /** Why the job is not done could not be written down; `isLast`: it is dead without that. */
  | {
      readonly kind: "give_up_failed";
      readonly job: JobNote;
      readonly error: unknown;
      readonly isLast: boolean;
    }
  /** Once for each time that the store stops answering. */
  | { readonly kind: "store_failed"; readonly error: unknown }
  | { readonly kind: "store_recovered" };

/** Lost: it is somebody else's by now, or cancelled. Released: given back at shutdown. */
export type AttemptOutcome = "done" | "retry" | "dead" | "lost" | "released";

/** What may be said of a job: never its payload. */
export interface JobNote {
  readonly id: string;
  readonly kind: string;
  readonly tenantId: string;
  readonly attempt: number;
  readonly round: number;
}

export function noteOf({ id, kind, tenantId, attempt, round }: ClaimedJob): JobNote {
  return { id, kind, tenantId, attempt, round };
}
