import type { ClaimedJob, JobLease } from "./job-store.ts";

/** What a piece of a job's work came to. Work that ends in time after it was cut short has its value all the same. */
export type Ended<Value> =
  | { readonly kind: "value"; readonly value: Value }
  | { readonly kind: "threw"; readonly error: unknown }
  /** `stuck`: it goes on nevertheless; resolves when it does not any more. */
  | {
      readonly kind: "cut";
      readonly by: CutReason;
      readonly stuck: Promise<unknown> | undefined;
    };

/** The time was over; the job is somebody else's, or cancelled; the process stops. */
export type CutReason = "timeout" | "lost" | "stopping";

export interface WorkLimits {
  readonly runMsMax: number;
  /** So long it may take to end after its signal was aborted. */
  readonly graceMs: number;
}

/** A job that this process has claimed, and the one piece of work that is being done for it. */
export class RunningJob {
  readonly job: ClaimedJob;
  readonly beganTickMs: number;
  readonly #cut = Promise.withResolvers<CutReason>();
  #cutBy: Exclude<CutReason, "timeout"> | undefined;

  constructor(job: ClaimedJob, beganTickMs: number) {
    this.job = job;
    this.beganTickMs = beganTickMs;
  }

  get isLost(): boolean {
    return this.#cutBy === "lost";
  }

  get isStopping(): boolean {
    return this.#cutBy === "stopping";
  }

  /** Whatever is done for it has to end. The first reason stays, but for that it is lost. */
  cutShort(by: "lost" | "stopping"): void {
    if (this.#cutBy !== "lost") this.#cutBy = by;
    this.#cut.resolve(by);
  }

  /** Never rejects. */
  async do<Value>(
    work: (signal: AbortSignal) => Promise<Value>,
    { runMsMax, graceMs }: WorkLimits,
  ): Promise<Ended<Value>> {
    if (this.#cutBy !== undefined) return { kind: "cut", by: this.#cutBy, stuck: undefined };
    const controller = new AbortController();
    const working = settled(work, controller.signal);
    const inTime = await within(Promise.race([working, this.#cut.promise]), runMsMax);
    if (typeof inTime === "object") return inTime;
    const by = inTime ?? "timeout";
    controller.abort(new Error(cutMessages[by]));
    const late = await within(working, graceMs);
    if (late?.kind === "value") return late;
    return { kind: "cut", by, stuck: late === undefined ? working : undefined };
  }

  /** Waits, but no longer than there is something to wait for. */
  async pause(ms: number): Promise<void> {
    await within(this.#cut.promise, ms);
  }
}

const cutMessages: Readonly<Record<CutReason, string>> = {
  timeout: "The job has taken too long.",
  lost: "The job is somebody else's by now, or was cancelled.",
  stopping: "Sentinel is shutting down.",
};

type Settled<Value> = Exclude<Ended<Value>, { kind: "cut" }>;

async function settled<Value>(
  work: (signal: AbortSignal) => Promise<Value>,
  signal: AbortSignal,
): Promise<Settled<Value>> {
  try {
    return { kind: "value", value: await work(signal) };
  } catch (error) {
    return { kind: "threw", error };
  }
}

/** Without the payload, which the store need not be sent again. */
export const leaseOf = ({ id, token }: ClaimedJob): JobLease => ({ id, token });

/** What the promise resolves to, or undefined after so long. */
export async function within<Value>(
  promise: Promise<Value>,
  ms: number,
): Promise<Value | undefined> {
  const over = Promise.withResolvers<undefined>();
  const timer = setTimeout(() => {
    over.resolve(undefined);
  }, ms);
  try {
    return await Promise.race([promise, over.promise]);
  } finally {
    clearTimeout(timer);
  }
}
