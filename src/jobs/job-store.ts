/**
 * Work that has to be done once, whoever does it and whatever dies meanwhile. A job is `waiting` (perhaps until a later
 * time), `running` under a lease, and then `done`, `cancelled` or `dead`:
 *
 *     enqueue → waiting → claim → running → complete → done
 *                  ↑                 │ fail, with a time to try again; release; the lease is over
 *                  └─────────────────┘
 *                                    └ fail, for good → dead → retryDead → waiting, in its next round
 *
 * Every claim has its own token. Whoever lost the lease, because it was slow or was thought dead, can change nothing any
 * more. All calls reject with `store_unavailable` where the store does not answer. Times are the store's own.
 */
export interface JobStore {
  /**
   * Jobs whose ids are known (in whatever state, for as long as the store remembers what is over) are left as they are.
   * Resolves to how many were new. Rejects with `store_unavailable` where there is no room (`JobRoom`).
   */
  enqueue(jobs: readonly NewJob[]): Promise<number>;
  /** Takes up to `limit` jobs that are due: the highest priority first, and of one priority the longest due. */
  claim(terms: ClaimTerms): Promise<readonly ClaimedJob[]>;
  /** Extends leases; false for those that are somebody else's by now, or nobody's. */
  heartbeat(leases: readonly JobLease[], leaseMs: number): Promise<readonly boolean[]>;
  /** It is done: its payload is deleted, its id is remembered. False: the lease was lost. */
  complete(lease: JobLease): Promise<boolean>;
  /** It was tried and failed. Without `retryInMs` it is dead, and keeps its payload until that is pruned. False: the lease was lost. */
  fail(lease: JobLease, failure: JobFailure): Promise<boolean>;
  /** Gives jobs back that were not tried, as at shutdown: the attempt does not count. Resolves to how many. */
  release(leases: readonly JobLease[]): Promise<number>;
  /** One that waits, runs or is dead, as it is now; undefined: there is none. Nothing is claimed by it. */
  find(id: string): Promise<OpenJob | undefined>;
  /** Waiting or running or dead; its payload is deleted. Who runs it learns it by its next heartbeat. False: there is none. */
  cancel(id: string): Promise<boolean>;
  /**
   * Cancels those that there are, and has the others remembered as if they had been: what is still on its way here is never
   * done. Resolves to how many there were.
   */
  forget(jobs: ForgottenJobs): Promise<number>;
  /** By kind; kinds of which nothing waits, runs or is dead may be missing. */
  counts(): Promise<readonly JobCounts[]>;
  /** The latest first. Without their payloads. */
  listDead(query: DeadQuery): Promise<readonly DeadJob[]>;
  /** It waits again, in its next round, with all attempts. False: no such job is dead. */
  retryDead(id: string): Promise<boolean>;
  /** Forgets a bounded number of what is too old or too much. Resolves to how many jobs. */
  prune(terms: PruneTerms): Promise<number>;
}

export interface NewJob {
  /** Up to 200 characters, without control characters. */
  readonly id: string;
  /** What is to be done: `judge`, … Lower-case letters, digits and hyphens. */
  readonly kind: string;
  /** Whose it is. */
  readonly tenantId: string;
  /** 0 to 9; the highest is done first. */
  readonly priority: number;
  /** Not before so many milliseconds from now. */
  readonly delayMs?: number;
  /** JSON. */
  readonly payload: string;
}

export interface ClaimTerms {
  readonly kinds: readonly string[];
  /** Who claims: for people who look at it. */
  readonly worker: string;
  readonly leaseMs: number;
  readonly limit: number;
}

export interface JobLease {
  readonly id: string;
  /** Of this claim. */
  readonly token: string;
}

/** What a job is about, whoever has it. */
export interface JobContent {
  readonly id: string;
  readonly kind: string;
  readonly tenantId: string;
  readonly payload: string;
  /** From 1; one more each time that somebody wanted a dead one tried again. */
  readonly round: number;
}

export interface OpenJob extends JobContent {
  readonly state: "waiting" | "running" | "dead";
}

export interface ClaimedJob extends JobLease, JobContent {
  readonly priority: number;
  /** From 1, in this round: with those whose leases were over. */
  readonly attempt: number;
  /** Milliseconds since 1970. */
  readonly enqueuedAtMs: number;
}

export interface JobFailure {
  /** A word for it, without anything of the payload. */
  readonly reason: string;
  readonly retryInMs?: number | undefined;
}

export interface ForgottenJobs {
  readonly kind: string;
  readonly tenantId: string;
  readonly ids: readonly string[];
}

export interface JobCounts {
  readonly kind: string;
  /** Of these, `delayed` are not due yet. */
  readonly waiting: number;
  readonly delayed: number;
  readonly running: number;
  readonly dead: number;
  /** Since the oldest job that waits or runs was enqueued, or became due if that was later; undefined: there is none. In milliseconds. */
  readonly oldestMs: number | undefined;
}

export interface DeadQuery {
  readonly kind?: string | undefined;
  readonly tenantId?: string | undefined;
  readonly limit: number;
}

export interface DeadJob {
  readonly id: string;
  readonly kind: string;
  readonly tenantId: string;
  readonly reason: string;
  readonly attempts: number;
  readonly round: number;
  readonly enqueuedAtMs: number;
  readonly diedAtMs: number;
}

export interface PruneTerms {
  /** What is done or cancelled is remembered for so long. */
  readonly overMs: number;
  /** What is dead is kept for so long. */
  readonly deadMs: number;
  /** And so many of the dead at most: the oldest of the others are cancelled, whose ids are remembered. */
  readonly deadMax?: number;
}

/** Beyond it nothing is enqueued: what feeds a store keeps the rest, as the journal does. */
export interface JobRoom {
  /** Jobs that wait. */
  readonly jobsMax: number;
  /** Payloads of jobs that wait or run, in bytes: a disk or a Redis is shared with what matters more. */
  readonly bytesMax: number;
}

export const jobRoom: JobRoom = { jobsMax: 1_000_000, bytesMax: 1024 * 1024 * 1024 };
/** With long texts some hundred megabytes. */
export const deadMaxDefault = 10_000;
