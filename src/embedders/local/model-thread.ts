import { Worker } from "node:worker_threads";

import type { PartHealth } from "../../lib/part-health.ts";
import { EmbedFailure } from "../../pipeline/cache/embedder.ts";
import type { Embedded } from "../embed-queue.ts";
import type { FromThread, ThreadSettings, ToThread } from "./protocol.ts";

export interface ModelThreadLimits {
  /** Until the model is in memory. A large one is read from a slow disk. */
  readonly startMs: number;
  /** A thread that has not answered for so long hangs, and is ended. */
  readonly silentMs: number;
  /** Before the first new start; doubled for each that follows, up to the most. */
  readonly restartMs: number;
  readonly restartMsMax: number;
  readonly closeMs: number;
}

export const modelThreadLimits: ModelThreadLimits = {
  startMs: 60_000,
  silentMs: 30_000,
  restartMs: 1_000,
  restartMsMax: 60_000,
  closeMs: 5_000,
};

/** The thread's own JavaScript heap; the model is not in it. */
const heapMebibytesMax = 512;

export interface ReadyModel {
  readonly modelId: string;
  readonly dimensions: number;
}

export interface ModelThreadOptions {
  readonly url: URL;
  readonly settings: ThreadSettings;
  readonly limits: ModelThreadLimits;
  readonly health: PartHealth;
}

/**
 * The thread that holds a model, there again after it died. It keeps the process alive only while a text is with it.
 * Nothing is queued here.
 */
export class ModelThread implements AsyncDisposable {
  /** Rejects, in words for the operator, if the first thread cannot be started; there is no second one then. */
  readonly started: Promise<ReadyModel>;
  readonly #options: ModelThreadOptions;
  readonly #waiting = new Map<number, (result: Embedded) => void>();
  #worker: Worker | undefined;
  #model: ReadyModel | undefined;
  #isReady = false;
  #lastId = 0;
  #deaths = 0;
  #watch: NodeJS.Timeout | undefined;
  #restarting: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ModelThreadOptions) {
    this.#options = options;
    this.started = this.#start();
  }

  embed(text: string): Promise<Embedded> {
    const worker = this.#worker;
    if (worker === undefined || !this.#isReady) {
      return Promise.resolve(new EmbedFailure("unavailable", "The model is not loaded."));
    }
    const id = ++this.#lastId;
    const { promise, resolve } = Promise.withResolvers<Embedded>();
    this.#waiting.set(id, resolve);
    worker.postMessage({ id, text } satisfies ToThread);
    if (this.#waiting.size === 1) {
      worker.ref();
      this.#expectAnswer(worker, this.#options.limits.silentMs);
    }
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#restarting);
    const worker = this.#worker;
    if (worker === undefined) return;
    const exited = new Promise((resolve) => worker.once("exit", resolve));
    worker.ref();
    worker.postMessage({ close: true } satisfies ToThread);
    this.#expectAnswer(worker, this.#options.limits.closeMs);
    await exited;
  }

  async #start(): Promise<ReadyModel> {
    const { url, settings, limits } = this.#options;
    const { promise, resolve, reject } = Promise.withResolvers<ReadyModel>();
    const worker = new Worker(url, {
      name: "embedder",
      workerData: settings,
      resourceLimits: { maxOldGenerationSizeMb: heapMebibytesMax },
    });
    this.#worker = worker;
    this.#expectAnswer(worker, limits.startMs);
    let cause: unknown = new Error("it ended, or did not answer in time");
    worker.on("error", (error: unknown) => {
      cause = error;
    });
    worker.on("message", (message: FromThread) => {
      if (message.kind !== "ready") this.#answer(worker, message);
      else if (this.#becomeReady(worker, message)) resolve(message);
      else void worker.terminate();
    });
    worker.on("exit", () => {
      const isFirst = this.#model === undefined;
      this.#died(reasonOf(cause));
      if (isFirst) reject(new Error(`The model cannot be used: ${reasonOf(cause)}.`, { cause }));
      else reject(new EmbedFailure("unavailable", "The model's thread has died."));
    });
    return promise;
  }

  /** A folder whose model was exchanged meanwhile makes vectors that must not meet the old ones. */
  #becomeReady(worker: Worker, { modelId, dimensions }: ReadyModel): boolean {
    clearTimeout(this.#watch);
    this.#model ??= { modelId, dimensions };
    if (this.#model.modelId !== modelId) {
      this.#options.health.noteFailure("The model's files have changed: a restart will use them.");
      this.#isClosed = true;
      return false;
    }
    this.#isReady = true;
    this.#options.health.noteOk();
    worker.unref();
    return true;
  }

  #answer(worker: Worker, message: Exclude<FromThread, { kind: "ready" }>): void {
    const { health } = this.#options;
    if (message.kind === "error") health.noteFailure(`The model failed: ${message.message}`);
    else health.noteOk();
    this.#deaths = 0;
    this.#settle(message.id, resultOf(message));
    if (this.#isClosed) return;
    if (this.#waiting.size > 0) this.#watch?.refresh();
    else {
      clearTimeout(this.#watch);
      worker.unref();
    }
  }

  #settle(id: number, result: Embedded): void {
    const resolve = this.#waiting.get(id);
    this.#waiting.delete(id);
    resolve?.(result);
  }

  #expectAnswer(worker: Worker, ms: number): void {
    clearTimeout(this.#watch);
    this.#watch = setTimeout(() => void worker.terminate(), ms);
  }

  #died(reason: string): void {
    clearTimeout(this.#watch);
    this.#worker = undefined;
    this.#isReady = false;
    const failure = new EmbedFailure("unavailable", "The model's thread has died.");
    for (const id of this.#waiting.keys()) this.#settle(id, failure);
    if (this.#isClosed || this.#model === undefined) return;
    this.#options.health.noteFailure(`The model's thread has died: ${reason}.`);
    const { restartMs, restartMsMax } = this.#options.limits;
    const waitMs = Math.min(restartMsMax, restartMs * 2 ** Math.min(this.#deaths, 20));
    this.#deaths += 1;
    this.#restarting = setTimeout(() => {
      // One that does not start ends, and is tried again like one that died.
      this.#start().catch(() => undefined);
    }, waitMs).unref();
  }
}

const reasonOf = (cause: unknown): string =>
  cause instanceof Error ? cause.message : String(cause);

function resultOf(message: Exclude<FromThread, { kind: "ready" }>): Embedded {
  switch (message.kind) {
    case "vector":
      return message.vector;
    case "too_long":
      return new EmbedFailure("too_long", `The text has more than ${message.tokensMax} tokens.`);
    case "error":
      return new EmbedFailure("unavailable", `The model failed: ${message.message}`);
  }
}
