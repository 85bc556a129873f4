import type {
  ClaimedJob,
  ClaimTerms,
  JobCounts,
  JobLease,
  JobStore,
  NewJob,
} from "../../src/jobs/job-store.ts";
import type { Clock } from "../../src/lib/clock.ts";

/** Jobs in memory, for tests of what works with a store; those of stores are in `tests/contract`. */
export class MemoryJobStore implements JobStore {
  readonly #clock: Pick<Clock, "epochMs">;
  readonly #jobs = new Map<string, Kept>();
  #tokens = 0;
  /** While it is set every call rejects with it. */
  failure: Error | undefined;
  readonly calls: Record<string, number> = {};

  constructor(clock: Pick<Clock, "epochMs">) {
    this.#clock = clock;
  }

  /** A job as it is now. */
  look(id: string): Readonly<Kept> | undefined {
    return this.#jobs.get(id);
  }

  /** As if its lease had ended and somebody else had claimed it. */
  steal(id: string): void {
    const job = this.#jobs.get(id);
    if (job !== undefined) job.token = "a thief's";
  }

  enqueue(jobs: readonly NewJob[]): Promise<number> {
    return this.#answer("enqueue", () => {
      const added = jobs.filter(({ id }) => !this.#jobs.has(id));
      const nowMs = this.#clock.epochMs();
      for (const job of added) {
        this.#jobs.set(job.id, {
          ...job,
          state: "waiting",
          attempt: 0,
          round: 1,
          token: "",
          dueAtMs: nowMs + (job.delayMs ?? 0),
          enqueuedAtMs: nowMs,
          reason: "",
        });
      }
      return added.length;
    });
  }

  claim({ kinds, leaseMs, limit }: ClaimTerms): Promise<readonly ClaimedJob[]> {
    return this.#answer("claim", () => {
      const nowMs = this.#clock.epochMs();
      const due = [...this.#jobs.values()]
        .filter(({ state }) => state === "waiting" || state === "running")
        .filter(({ kind, dueAtMs }) => kinds.includes(kind) && dueAtMs <= nowMs)
        .sort((a, b) => b.priority - a.priority || a.dueAtMs - b.dueAtMs)
        .slice(0, limit);
      for (const job of due) {
        job.state = "running";
        job.attempt++;
        job.token = String(++this.#tokens);
        job.dueAtMs = nowMs + leaseMs;
      }
      return due.map((job) => ({ ...job }));
    });
  }

  heartbeat(leases: readonly JobLease[], leaseMs: number): Promise<readonly boolean[]> {
    return this.#answer("heartbeat", () =>
      leases.map((lease) => {
        const job = this.#held(lease);
        if (job !== undefined) job.dueAtMs = this.#clock.epochMs() + leaseMs;
        return job !== undefined;
      }),
    );
  }

  complete(lease: JobLease): Promise<boolean> {
    return this.#answer("complete", () => {
      const job = this.#held(lease);
      if (job !== undefined) Object.assign(job, { state: "done", payload: "" });
      return job !== undefined;
    });
  }

  fail(lease: JobLease, failure: Parameters<JobStore["fail"]>[1]): Promise<boolean> {
    return this.#answer("fail", () => {
      const job = this.#held(lease);
      if (job === undefined) return false;
      const { reason, retryInMs } = failure;
      job.reason = reason;
      job.state = retryInMs === undefined ? "dead" : "waiting";
      job.dueAtMs = this.#clock.epochMs() + (retryInMs ?? 0);
      return true;
    });
  }

  release(leases: readonly JobLease[]): Promise<number> {
    return this.#answer("release", () => {
      const held = leases.flatMap((lease) => this.#held(lease) ?? []);
      for (const job of held) {
        job.state = "waiting";
        job.attempt--;
        job.dueAtMs = this.#clock.epochMs();
      }
      return held.length;
    });
  }

  find(id: string): ReturnType<JobStore["find"]> {
    return this.#answer("find", () => {
      const job = this.#jobs.get(id);
      if (job === undefined) return undefined;
      const { state } = job;
      return state === "done" || state === "cancelled" ? undefined : { ...job, state };
    });
  }

  cancel(id: string): Promise<boolean> {
    return this.#answer("cancel", () => {
      const job = this.#jobs.get(id);
      if (job === undefined || job.state === "done" || job.state === "cancelled") return false;
      Object.assign(job, { state: "cancelled", payload: "" });
      return true;
    });
  }

  forget({ ids, ...fields }: Parameters<JobStore["forget"]>[0]): Promise<number> {
    return this.#answer("forget", () => {
      const known = ids.flatMap((id) => this.#jobs.get(id) ?? []);
      const open = known.filter(({ state }) => state !== "done" && state !== "cancelled");
      for (const job of open) Object.assign(job, { state: "cancelled", payload: "" });
      for (const id of ids) {
        if (!this.#jobs.has(id)) this.#jobs.set(id, { ...forgotten, ...fields, id });
      }
      return open.length;
    });
  }

  counts(): Promise<readonly JobCounts[]> {
    return this.#answer("counts", () => {
      const byKind = Map.groupBy(this.#jobs.values(), ({ kind }) => kind);
      return [...byKind].map(([kind, jobs]) => this.#countsOf(kind, jobs));
    });
  }

  listDead({ kind, tenantId, limit }: Parameters<JobStore["listDead"]>[0]) {
    return this.#answer("listDead", () =>
      [...this.#jobs.values()]
        .filter((job) => job.state === "dead" && job.kind === (kind ?? job.kind))
        .filter((job) => job.tenantId === (tenantId ?? job.tenantId))
        .sort((a, b) => b.dueAtMs - a.dueAtMs)
        .slice(0, limit)
        .map((job) => ({
          id: job.id,
          kind: job.kind,
          tenantId: job.tenantId,
          reason: job.reason,
          attempts: job.attempt,
          round: job.round,
          enqueuedAtMs: job.enqueuedAtMs,
          diedAtMs: job.dueAtMs,
        })),
    );
  }

  retryDead(id: string): Promise<boolean> {
    return this.#answer("retryDead", () => {
      const job = this.#jobs.get(id);
      if (job?.state !== "dead") return false;
      const dueAtMs = this.#clock.epochMs();
      Object.assign(job, { state: "waiting", attempt: 0, round: job.round + 1, dueAtMs });
      return true;
    });
  }

  /** Forgets all that is done, one a call. */
  prune(): Promise<number> {
    return this.#answer("prune", () => {
      for (const [id, { state }] of this.#jobs) {
        if (state === "done" && this.#jobs.delete(id)) return 1;
      }
      return 0;
    });
  }

  #held({ id, token }: JobLease): Kept | undefined {
    const job = this.#jobs.get(id);
    return job?.state === "running" && job.token === token ? job : undefined;
  }

  #countsOf(kind: string, jobs: readonly Kept[]): JobCounts {
    const nowMs = this.#clock.epochMs();
    const of = (wanted: Kept["state"]) => jobs.filter(({ state }) => state === wanted);
    const open = [...of("waiting"), ...of("running")];
    const ages = open.map(({ enqueuedAtMs }) => nowMs - enqueuedAtMs);
    return {
      kind,
      waiting: of("waiting").length,
      delayed: of("waiting").filter(({ dueAtMs }) => dueAtMs > nowMs).length,
      running: of("running").length,
      dead: of("dead").length,
      oldestMs: ages.length === 0 ? undefined : Math.max(...ages),
    };
  }

  async #answer<Value>(call: string, work: () => Value): Promise<Value> {
    this.calls[call] = (this.calls[call] ?? 0) + 1;
    // As a store that is elsewhere: nothing is there at once.
    await Promise.resolve();
    if (this.failure !== undefined) throw this.failure;
    return work();
  }
}

interface Kept extends NewJob {
  state: "waiting" | "running" | "done" | "cancelled" | "dead";
  attempt: number;
  round: number;
  token: string;
  /** When it may be claimed: at the end of its lease while it runs. */
  dueAtMs: number;
  readonly enqueuedAtMs: number;
  reason: string;
}

const forgotten = {
  state: "cancelled",
  priority: 0,
  payload: "",
  attempt: 0,
  round: 1,
  token: "",
  dueAtMs: 0,
  enqueuedAtMs: 0,
  reason: "",
} as const;

export const aJob = (fields: Partial<NewJob> = {}): NewJob => ({
  id: "judge:1:relevance",
  kind: "judge",
  tenantId: "acme",
  priority: 5,
  payload: '{"text":"a secret of acme"}',
  ...fields,
});
