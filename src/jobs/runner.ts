import type { Clock } from "../lib/clock.ts";
import { Attempts } from "./attempts.ts";
import type { JobEvent } from "./job-event.ts";
import type { JobHandler } from "./job-handler.ts";
import type { ClaimedJob, JobLease, JobStore } from "./job-store.ts";
import { leaseOf, RunningJob, within } from "./running-job.ts";

/** Does the jobs of a store, several at once, beside those who do so elsewhere. Disposing of it gives back what is not done. */
export interface JobRunner extends AsyncDisposable {
  /** Jobs that run here now. */
  readonly runningCount: number;
  /** From now on no job is begun; those that run go on. */
  stopClaiming(): void;
}

export interface JobRunnerOptions {
  readonly store: Pick<JobStore, "claim" | "heartbeat" | "complete" | "fail" | "release" | "prune">;
  /** By kind. Jobs of other kinds are left alone. */
  readonly handlers: Readonly<Record<string, JobHandler>>;
  /** At least 1. */
  readonly concurrency: number;
  readonly leaseMs: number;
  /** This process, for people who look at the store. */
  readonly worker: string;
  readonly clock: Pick<Clock, "tickMs">;
  /** In [0, 1). */
  readonly random: () => number;
  /** Must not throw. */
  readonly onEvent: (event: JobEvent) => void;
  /** At shutdown jobs may run on for so long. */
  readonly stopMs?: number;
  /** A handler may take so long to end after it was aborted. */
  readonly graceMs?: number;
  /** So often the store is asked for jobs while it has none. */
  readonly idleMs?: number;
  /** So often what is over is forgotten. */
  readonly pruneMs?: number;
  /** So long jobs that are over are remembered: as long as what feeds them may tell of them again. */
  readonly overMs?: number;
}

const defaults = {
  stopMs: 5_000,
  graceMs: 1_000,
  idleMs: 500,
  pruneMs: 60_000,
  overMs: 2 * 86_400_000,
} as const;
/** A store that fails is asked again after at most so long. */
const failurePauseMsMax = 5_000;
const beatsPerLease = 3;
/** Dead ones keep what they are about for so long, for who wants them tried again. */
const deadMs = 7 * 86_400_000;
/** Each forgets a bounded number; the rest has time until the next minute. */
const prunesMax = 20;
/** Whatever a store that hangs does, shutdown goes on. */
const lastWordsMs = 2_000;

export function openJobRunner(options: JobRunnerOptions): JobRunner {
  return new Runner({ ...defaults, ...options });
}

type Options = Required<JobRunnerOptions>;

class Runner implements JobRunner {
  readonly #options: Options;
  readonly #attempts: Attempts;
  readonly #running = new Set<RunningJob>();
  readonly #working = new Set<Promise<void>>();
  /** To be given back at the end. */
  readonly #unfinished: JobLease[] = [];
  /** Handlers that do not heed their signal: at most as many as there are places; further ones keep their place. */
  #stuckCount = 0;
  readonly #timers: readonly NodeJS.Timeout[];
  readonly #claiming: Promise<void>;
  /** Ends the pause of whoever waits for work. */
  #wake = Promise.withResolvers<undefined>();
  #beating: Promise<void> | undefined;
  #pruning: Promise<void> | undefined;
  #isStopping = false;
  #isStoreFailing = false;
  #closing: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
    const { clock, random, graceMs, onEvent, store, leaseMs, pruneMs } = options;
    this.#attempts = new Attempts({
      store,
      clock,
      random,
      graceMs,
      onEvent,
      onStoreFailed: this.#noteStoreFailed,
      onStuck: this.#noteStuck,
    });
    const beat = (): void => {
      this.#beating ??= this.#beat().finally(() => (this.#beating = undefined));
    };
    const prune = (): void => {
      this.#pruning ??= this.#prune().finally(() => (this.#pruning = undefined));
    };
    this.#timers = [
      setInterval(beat, Math.ceil(leaseMs / beatsPerLease)).unref(),
      setInterval(prune, pruneMs).unref(),
    ];
    this.#claiming = this.#claimAll();
  }

  get runningCount(): number {
    return this.#running.size;
  }

  stopClaiming(): void {
    this.#isStopping = true;
    this.#wakeUp();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const { stopMs, graceMs, store } = this.#options;
    this.stopClaiming();
    await within(this.#ended(), stopMs);
    for (const one of this.#running) one.cutShort("stopping");
    await within(this.#ended(), graceMs + lastWordsMs);
    for (const timer of this.#timers) clearInterval(timer);
    if (this.#unfinished.length === 0) return;
    const releasing = store.release(this.#unfinished).catch(this.#noteStoreFailed);
    await within(releasing, lastWordsMs);
  }

  async #ended(): Promise<void> {
    await this.#claiming;
    await Promise.all(this.#working);
  }

  /** Never rejects. */
  async #claimAll(): Promise<void> {
    let failures = 0;
    while (!this.#isStopping) {
      const limit = this.#freePlaces();
      if (limit === 0) {
        await this.#pause(failurePauseMsMax);
        continue;
      }
      const claimed = await this.#claim(limit);
      failures = claimed === undefined ? failures + 1 : 0;
      for (const job of claimed ?? []) this.#begin(job);
      // As many as were asked for: there may be more as soon as there is a place.
      if (claimed?.length !== limit) await this.#pause(this.#pauseMs(failures));
    }
  }

  #freePlaces(): number {
    const { concurrency } = this.#options;
    const taken = this.#running.size + Math.max(0, this.#stuckCount - concurrency);
    return Math.max(0, concurrency - taken);
  }

  /** Not in step with others. */
  #pauseMs(failures: number): number {
    const { idleMs, random } = this.#options;
    const ceilingMs = Math.min(failurePauseMsMax, idleMs * 2 ** Math.min(failures, 10));
    return ceilingMs * (0.75 + random() / 4);
  }

  async #pause(ms: number): Promise<void> {
    if (this.#isStopping) return;
    this.#wake = Promise.withResolvers();
    await within(this.#wake.promise, ms);
  }

  #wakeUp(): void {
    this.#wake.resolve(undefined);
  }

  /** Undefined: the store failed. */
  async #claim(limit: number): Promise<readonly ClaimedJob[] | undefined> {
    const { store, handlers, worker, leaseMs } = this.#options;
    try {
      const claimed = await store.claim({ kinds: Object.keys(handlers), worker, leaseMs, limit });
      this.#noteStoreWorks();
      return claimed;
    } catch (error) {
      this.#noteStoreFailed(error);
      return undefined;
    }
  }

  #begin(job: ClaimedJob): void {
    if (this.#isStopping) {
      this.#unfinished.push(leaseOf(job));
      return;
    }
    const handler = this.#options.handlers[job.kind];
    if (handler === undefined) return; // It was not asked for; when its lease is over somebody else has it.
    const running = new RunningJob(job, this.#options.clock.tickMs());
    this.#running.add(running);
    const working = this.#work(running, handler).finally(() => this.#working.delete(working));
    this.#working.add(working);
  }

  async #work(running: RunningJob, handler: JobHandler): Promise<void> {
    const outcome = await this.#attempts.make(running, handler);
    if (outcome === "released") this.#unfinished.push(leaseOf(running.job));
    const hadNoPlace = this.#freePlaces() === 0;
    this.#running.delete(running);
    if (hadNoPlace) this.#wakeUp();
  }

  /** All leases together. What runs in a store that does not answer runs on: nobody else can claim it there. */
  async #beat(): Promise<void> {
    const { store, leaseMs } = this.#options;
    const running = [...this.#running];
    if (running.length === 0) return;
    try {
      const areOurs = await store.heartbeat(
        running.map(({ job }) => leaseOf(job)),
        leaseMs,
      );
      this.#noteStoreWorks();
      for (const [index, one] of running.entries()) {
        if (areOurs[index] === false) one.cutShort("lost");
      }
    } catch (error) {
      this.#noteStoreFailed(error);
    }
  }

  async #prune(): Promise<void> {
    try {
      for (let prunes = 0; prunes < prunesMax && !this.#isStopping; prunes++) {
        const { store, overMs } = this.#options;
        if ((await store.prune({ overMs, deadMs })) === 0) return;
      }
    } catch (error) {
      this.#noteStoreFailed(error);
    }
  }

  readonly #noteStuck = (stuck: Promise<unknown>): void => {
    this.#stuckCount++;
    void stuck.then(() => {
      this.#stuckCount--;
      this.#wakeUp();
    });
  };

  readonly #noteStoreFailed = (error: unknown): void => {
    if (!this.#isStoreFailing) this.#options.onEvent({ kind: "store_failed", error });
    this.#isStoreFailing = true;
  };

  #noteStoreWorks(): void {
    if (this.#isStoreFailing) this.#options.onEvent({ kind: "store_recovered" });
    this.#isStoreFailing = false;
  }
}
