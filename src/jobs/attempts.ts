import type { Clock } from "../lib/clock.ts";
import { Lru } from "../lib/lru.ts";
import { backoffMs } from "./backoff.ts";
import { noteOf } from "./job-event.ts";
import type { AttemptOutcome, JobEvent } from "./job-event.ts";
import {
  attemptsMaxDefault,
  retryBaseMsDefault,
  runMsMaxDefault,
  runnerReasons,
} from "./job-handler.ts";
import type { JobHandler, JobOutcome } from "./job-handler.ts";
import type { JobFailure, JobStore } from "./job-store.ts";
import { leaseOf } from "./running-job.ts";
import type { Ended, RunningJob } from "./running-job.ts";

export interface AttemptDeps {
  readonly store: Pick<JobStore, "complete" | "fail">;
  readonly clock: Pick<Clock, "tickMs">;
  /** In [0, 1). */
  readonly random: () => number;
  readonly graceMs: number;
  readonly onEvent: (event: JobEvent) => void;
  readonly onStoreFailed: (error: unknown) => void;
  /** Work that does not heed its signal. */
  readonly onStuck: (stuck: Promise<unknown>) => void;
}

/** After so many further attempts a job is dead although nobody could write down why: about four hours. */
const giveUpsMax = 100;
/** The store is told again so often what became of a job: for half a minute, in which the lease is extended. */
const tellingsMax = 10;
const tellAgainMs = 250;
const tellAgainMsMax = 5_000;
/** Why jobs are given up, where writing it down failed and is tried again. At the bound it is `crashed`. */
const reasonsMax = 1_000;

/** What is done with one claimed job: an attempt, and telling the store what it came to. */
export class Attempts {
  readonly #deps: AttemptDeps;
  readonly #reasons = new Lru<string, string>(reasonsMax);

  constructor(deps: AttemptDeps) {
    this.#deps = deps;
  }

  /** Never rejects. `released`: it is to be given back. */
  async make(running: RunningJob, handler: JobHandler): Promise<AttemptOutcome> {
    const { outcome, reason } = await this.#make(running, handler);
    const { onEvent, clock } = this.#deps;
    const runMs = clock.tickMs() - running.beganTickMs;
    onEvent({ kind: "ended", job: noteOf(running.job), outcome, reason, runMs });
    return outcome;
  }

  async #make(running: RunningJob, handler: JobHandler): Promise<Made> {
    const { job } = running;
    const known = this.#reasons.get(nameOf(job));
    if (known !== undefined || job.attempt > attemptsMaxOf(handler)) {
      return this.#giveUp(running, handler, known ?? runnerReasons.crashed);
    }
    const ended = await this.#do(running, handler, (signal) => handler.run(job, { signal }));
    switch (ended.kind) {
      case "value":
        return this.#tellOutcome(running, handler, ended.value);
      case "threw":
        this.#deps.onEvent({ kind: "handler_failed", job: noteOf(job), error: ended.error });
        return this.#failed(running, handler, { reason: runnerReasons.error });
      case "cut":
        if (ended.by !== "timeout") return { outcome: untold[ended.by] };
        return this.#failed(running, handler, { reason: runnerReasons.timeout });
    }
  }

  async #tellOutcome(running: RunningJob, handler: JobHandler, outcome: JobOutcome): Promise<Made> {
    if (outcome.kind === "done") return this.#told(running).complete();
    // It may have failed because it was cut short.
    if (running.isStopping) return { outcome: "released" };
    if (outcome.kind === "dead") return this.#giveUp(running, handler, outcome.reason);
    return this.#failed(running, handler, outcome);
  }

  /** Another attempt, if there is one left. */
  async #failed(
    running: RunningJob,
    handler: JobHandler,
    { reason, afterMs }: { readonly reason: string; readonly afterMs?: number | undefined },
  ): Promise<Made> {
    if (running.job.attempt >= attemptsMaxOf(handler)) {
      return this.#giveUp(running, handler, reason);
    }
    const retryInMs = this.#retryInMs(running, handler, afterMs);
    return this.#told(running).fail({ reason, retryInMs });
  }

  async #giveUp(running: RunningJob, handler: JobHandler, reason: string): Promise<Made> {
    const { job } = running;
    const ended = await this.#do(running, handler, (signal) =>
      handler.giveUp(job, reason, { signal }),
    );
    if (ended.kind === "value") {
      this.#reasons.delete(nameOf(job));
      return this.#told(running).fail({ reason });
    }
    if (ended.kind === "cut" && ended.by !== "timeout") return { outcome: untold[ended.by] };
    const error = ended.kind === "threw" ? ended.error : new Error("It took too long.");
    const isLast = job.attempt >= attemptsMaxOf(handler) + giveUpsMax;
    this.#deps.onEvent({ kind: "give_up_failed", job: noteOf(job), error, isLast });
    if (isLast) return this.#told(running).fail({ reason });
    this.#reasons.set(nameOf(job), reason);
    return this.#told(running).fail({ reason, retryInMs: this.#retryInMs(running, handler) });
  }

  async #do<Value>(
    running: RunningJob,
    { runMsMax = runMsMaxDefault }: JobHandler,
    work: (signal: AbortSignal) => Promise<Value>,
  ): Promise<Ended<Value>> {
    const ended = await running.do(work, { runMsMax, graceMs: this.#deps.graceMs });
    if (ended.kind === "cut" && ended.stuck !== undefined) {
      this.#deps.onEvent({ kind: "handler_stuck", job: noteOf(running.job) });
      this.#deps.onStuck(ended.stuck);
    }
    return ended;
  }

  #retryInMs(
    { job: { attempt } }: RunningJob,
    { retryBaseMs: baseMs = retryBaseMsDefault }: JobHandler,
    afterMs?: number,
  ): number {
    return backoffMs({ attempt, baseMs, afterMs, random: this.#deps.random });
  }

  #told(running: RunningJob) {
    const { store } = this.#deps;
    const lease = leaseOf(running.job);
    return {
      complete: (): Promise<Made> =>
        this.#tell(running, { outcome: "done" }, () => store.complete(lease)),
      fail: (failure: JobFailure): Promise<Made> => {
        const outcome = failure.retryInMs === undefined ? "dead" : "retry";
        const made = { outcome, reason: failure.reason } as const;
        return this.#tell(running, made, () => store.fail(lease, failure));
      },
    };
  }

  /** What cannot be told is found out when the lease is over: then somebody has another attempt. */
  async #tell(running: RunningJob, made: Made, tell: () => Promise<boolean>): Promise<Made> {
    for (let telling = 1; ; telling++) {
      try {
        return (await tell()) ? made : { outcome: "lost" };
      } catch (error) {
        this.#deps.onStoreFailed(error);
      }
      if (telling === tellingsMax || running.isLost || running.isStopping) {
        return { outcome: "lost" };
      }
      await running.pause(Math.min(tellAgainMsMax, tellAgainMs * 2 ** (telling - 1)));
    }
  }
}

interface Made {
  readonly outcome: AttemptOutcome;
  readonly reason?: string;
}

const untold = { lost: "lost", stopping: "released" } as const;

/** A job in its round. */
const nameOf = ({ id, round }: RunningJob["job"]): string => `${id}\n${round}`;

const attemptsMaxOf = ({ attemptsMax = attemptsMaxDefault }: JobHandler): number => attemptsMax;
