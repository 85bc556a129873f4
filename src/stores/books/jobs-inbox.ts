import type { NewJob } from "../../jobs/job-store.ts";

/** What the sink of jobs needs of a job store: jobs and the writer's mark change together. */
export interface JobsInbox extends AsyncDisposable {
  /** As it was put last; undefined: there is none. */
  mark(writer: string): Promise<string | undefined>;
  /**
   * Enqueues jobs and moves the mark, or neither. Resolves to how many were new, or to `lost` where the mark is not what
   * this sink has put there: then something is gone. Rejects where the store cannot take it now, with too many jobs too.
   */
  put(jobs: readonly NewJob[], move: MarkMove): Promise<number | "lost">;
}

export interface MarkMove {
  readonly writer: string;
  /** Undefined: none. */
  readonly from: string | undefined;
  readonly to: string;
}

/** So much is put at once: a server or a file is not held up for longer than a few milliseconds. */
export const putJobsMax = 200;
export const putCharactersMax = 4 * 1024 * 1024;
