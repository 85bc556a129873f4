import { Worker } from "node:worker_threads";

import { isDoneWithin } from "../disk/feeder-waits.ts";
import type { FlushOutcome } from "../disk/feeder.ts";
import { reportEveryMs } from "./protocol.ts";
import type { BooksConfig, FromBooks, ToBooks } from "./protocol.ts";

export type ThreadEvent =
  | { readonly kind: "thread_died"; readonly message: string; readonly restartMs: number }
  | { readonly kind: "thread_restarted" };

export interface ThreadLimits {
  /** Before the first new start; doubled for each that follows, up to the most. */
  readonly restartMs: number;
  readonly restartMsMax: number;
  /** A thread that lived so long has begun anew. */
  readonly livedMs: number;
  /** A thread that was not heard for so long hangs, and is ended. A large transaction is over long before. */
  readonly silentMsMax: number;
  /** When it is closed: for its stores to get what they have not got, and then again to end. */
  readonly closeMsMax: number;
  /** The thread's own: the process's heap is not touched when it is not enough. */
  readonly heapMebibytesMax: number;
}

const threadLimits: ThreadLimits = {
  restartMs: 100,
  restartMsMax: 30_000,
  livedMs: 60_000,
  silentMsMax: 120_000,
  closeMsMax: 10_000,
  heapMebibytesMax: 512,
};

/** At the bound a flush is answered at once, as if nothing were there yet. */
const flushesMax = 1_000;

export interface ThreadKeeperOptions {
  readonly url: URL;
  readonly config: BooksConfig;
  readonly limits: Partial<ThreadLimits>;
  readonly onEvent: (event: ThreadEvent) => void;
  readonly onMessage: (message: Exclude<FromBooks, { kind: "flushed" }>) => void;
  /** Each time that a thread has started. */
  readonly onReady: () => void;
}

/** A books thread that is there again after it died. Its stores take twice what they were given twice. */
export interface KeptThread {
  /** Rejects with what kept the first thread from starting. */
  readonly started: Promise<void>;
  readonly isRunning: boolean;
  readonly restarts: number;
  /** Lost while no thread runs: what matters is told again to the next, in `onReady`. */
  post(message: ToBooks): void;
  flush(limitMs: number): Promise<FlushOutcome>;
  /** Flushes first. */
  close(): Promise<void>;
}

export const threadKeeper = (options: ThreadKeeperOptions): KeptThread => new Keeper(options);

interface WaitingFlush {
  readonly endsAtMs: number;
  readonly timer: NodeJS.Timeout;
  readonly resolve: (outcome: FlushOutcome) => void;
}

/** The thread keeps the process alive only while a flush waits for it. */
class Keeper implements KeptThread {
  readonly started: Promise<void>;
  readonly #options: ThreadKeeperOptions;
  readonly #limits: ThreadLimits;
  readonly #flushes = new Map<number, WaitingFlush>();
  readonly #watching: NodeJS.Timeout;
  #worker: Worker | undefined;
  #isReady = false;
  #sinks: readonly string[] = [];
  #lastFlush = 0;
  #restarts = 0;
  #failuresInARow = 0;
  #restarting: NodeJS.Timeout | undefined;
  #startedAtMs = 0;
  #silentChecks = 0;
  #lastError: Error | undefined;
  #isClosed = false;
  #ended = Promise.withResolvers<undefined>();

  constructor(options: ThreadKeeperOptions) {
    this.#options = options;
    this.#limits = { ...threadLimits, ...options.limits };
    this.started = this.#start();
    this.#watching = setInterval(() => {
      this.#watch();
    }, reportEveryMs).unref();
  }

  get isRunning(): boolean {
    return this.#isReady;
  }

  get restarts(): number {
    return this.#restarts;
  }

  post(message: ToBooks): void {
    if (this.#isReady) this.#worker?.postMessage(message);
  }

  flush(limitMs: number): Promise<FlushOutcome> {
    if (this.#isClosed || this.#flushes.size >= flushesMax) {
      return Promise.resolve({ behind: this.#sinks });
    }
    const id = ++this.#lastFlush;
    const { promise, resolve } = Promise.withResolvers<FlushOutcome>();
    // The thread keeps to the limit itself; this is for one that cannot.
    const timer = setTimeout(() => {
      this.#answer(id, this.#sinks);
    }, limitMs).unref();
    this.#flushes.set(id, { endsAtMs: performance.now() + limitMs, timer, resolve });
    this.#worker?.ref();
    this.post({ kind: "flush", id, limitMs });
    return promise;
  }

  async close(): Promise<void> {
    if (this.#isReady) await this.flush(this.#limits.closeMsMax);
    this.#isClosed = true;
    clearInterval(this.#watching);
    clearTimeout(this.#restarting);
    for (const id of this.#flushes.keys()) this.#answer(id, this.#sinks);
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.ref();
    this.post({ kind: "close" });
    const hasEnded =
      this.#isReady && (await isDoneWithin(this.#limits.closeMsMax, this.#ended.promise));
    if (!hasEnded) await worker.terminate();
  }

  /** Resolves when the thread is ready; rejects when it ends before. */
  #start(): Promise<void> {
    const { url, config } = this.#options;
    const ready = Promise.withResolvers<undefined>();
    this.#ended = Promise.withResolvers();
    this.#silentChecks = 0;
    this.#lastError = undefined;
    const worker = new Worker(url, {
      name: "books",
      workerData: config,
      resourceLimits: { maxOldGenerationSizeMb: this.#limits.heapMebibytesMax },
    });
    this.#worker = worker;
    worker.on("message", (message: FromBooks) => {
      this.#silentChecks = 0;
      if (message.kind === "flushed") {
        this.#answer(message.id, message.behind);
        return;
      }
      if (message.kind === "ready") this.#becomeReady(message.sinks);
      this.#options.onMessage(message);
      if (message.kind === "ready") {
        this.#resume();
        ready.resolve(undefined);
      }
    });
    worker.on("error", (error: unknown) => {
      this.#lastError = error instanceof Error ? error : new Error(String(error));
    });
    worker.on("exit", () => {
      const wasReady = this.#isReady;
      const cause = this.#lastError;
      this.#worker = undefined;
      this.#isReady = false;
      this.#ended.resolve(undefined);
      const reason = cause?.message ?? "it ended";
      if (wasReady || this.#restarts > 0) this.#restart(reason);
      else {
        this.#giveUp();
        ready.reject(new Error(`The books' thread cannot be started: ${reason}.`, { cause }));
      }
    });
    return ready.promise;
  }

  /** The very first start failed: there is nobody to wait for. */
  #giveUp(): void {
    clearInterval(this.#watching);
    this.#isClosed = true;
    for (const id of this.#flushes.keys()) this.#answer(id, []);
  }

  #becomeReady(sinks: readonly string[]): void {
    this.#isReady = true;
    this.#sinks = sinks;
    this.#startedAtMs = performance.now();
    if (this.#restarts > 0) this.#options.onEvent({ kind: "thread_restarted" });
  }

  /** First where the journal is, then the flushes that wait for it. */
  #resume(): void {
    this.#options.onReady();
    for (const [id, { endsAtMs }] of this.#flushes) {
      const limitMs = Math.max(1, endsAtMs - performance.now());
      this.post({ kind: "flush", id, limitMs });
    }
    if (this.#flushes.size === 0) this.#worker?.unref();
  }

  #restart(message: string): void {
    if (this.#isClosed) return;
    const { restartMs, restartMsMax, livedMs } = this.#limits;
    if (performance.now() - this.#startedAtMs > livedMs) this.#failuresInARow = 0;
    const waitMs = Math.min(restartMsMax, restartMs * 2 ** Math.min(this.#failuresInARow, 20));
    this.#failuresInARow += 1;
    this.#options.onEvent({ kind: "thread_died", message, restartMs: waitMs });
    this.#restarting = setTimeout(() => {
      this.#restarts += 1;
      // One that does not start ends, and is tried again like one that died.
      this.#start().catch(() => undefined);
    }, waitMs);
    if (this.#flushes.size === 0) this.#restarting.unref();
  }

  /** Counts its own turns, so that a process that was asleep does not take its thread for dead. */
  #watch(): void {
    if (this.#worker === undefined) return;
    this.#silentChecks += 1;
    if (this.#silentChecks * reportEveryMs < this.#limits.silentMsMax) return;
    this.#silentChecks = 0;
    this.#lastError ??= new Error(`it was silent for ${this.#limits.silentMsMax} ms`);
    void this.#worker.terminate();
  }

  #answer(id: number, behind: readonly string[]): void {
    const flush = this.#flushes.get(id);
    if (flush === undefined) return;
    this.#flushes.delete(id);
    clearTimeout(flush.timer);
    flush.resolve({ behind });
    if (this.#flushes.size === 0 && this.#isReady && !this.#isClosed) this.#worker?.unref();
  }
}
