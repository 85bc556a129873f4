import { EmbedFailure, toEmbedFailure } from "../pipeline/cache/embedder.ts";

/** What became of one text. One that cannot be embedded does not harm the others of its batch. */
export type Embedded = Float32Array | EmbedFailure;

/** Embeds a batch; one result for each text, in order. What it rejects with counts for all of them. */
export type RunBatch = (
  texts: readonly string[],
  signal: AbortSignal,
) => Promise<readonly Embedded[]>;

export interface EmbedQueueLimits {
  /** Texts that go together. */
  readonly batchMax: number;
  /** Batches that run at a time. */
  readonly runsMax: number;
  /** Single texts that wait, and texts of lists; at the bound the next is refused as `busy`. */
  readonly waitingMax: number;
  /** From the call to the vector, waiting included; after it the call fails with `timeout`. */
  readonly answerMs: number;
}

interface Waiting {
  readonly text: string;
  readonly settle: (result: Embedded) => void;
  isSettled: boolean;
  onSettled: ((result: Embedded) => void) | undefined;
}

interface Run {
  readonly batch: readonly Waiting[];
}

/**
 * Bounds what an embedder has to do. A text goes at once where a run is free, and with the others that wait where
 * none is: no time is spent on waiting for company. Texts of `embedMany` go when no single one waits, because a
 * request waits for a single one and nobody for the others.
 */
export class EmbedQueue {
  readonly #run: RunBatch;
  readonly #limits: EmbedQueueLimits;
  readonly #urgent = new Set<Waiting>();
  readonly #patient = new Set<Waiting>();
  readonly #running = new Set<Run>();
  #gone: EmbedFailure | undefined;

  constructor(run: RunBatch, limits: EmbedQueueLimits) {
    this.#run = run;
    this.#limits = limits;
  }

  embed(text: string, signal?: AbortSignal): Promise<Float32Array> {
    const vector = this.#enter(this.#urgent, text, signal);
    this.#startRuns();
    return vector;
  }

  /** Never has more than a batch of a list in the queue, so that one long list fills nothing. */
  async embedMany(texts: readonly string[], signal?: AbortSignal): Promise<Float32Array[]> {
    const vectors: Float32Array[] = [];
    while (vectors.length < texts.length) {
      const some = texts.slice(vectors.length, vectors.length + this.#limits.batchMax);
      const entered = some.map((text) => this.#enter(this.#patient, text, signal));
      this.#startRuns();
      vectors.push(...(await Promise.all(entered)));
    }
    return vectors;
  }

  /** Whoever waits, or comes later, is told so. */
  close(): void {
    this.#gone = new EmbedFailure("unavailable", "The embedder is closed.");
    const running = [...this.#running].flatMap(({ batch }) => batch);
    for (const waiting of [...running, ...this.#urgent, ...this.#patient]) {
      waiting.settle(this.#gone);
    }
  }

  #enter(queue: Set<Waiting>, text: string, signal?: AbortSignal): Promise<Float32Array> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    if (signal?.aborted === true) return Promise.reject(cancelled(signal));
    if (queue.size >= this.#limits.waitingMax) {
      const message = `${this.#limits.waitingMax} texts wait for the embedder already.`;
      return Promise.reject(new EmbedFailure("busy", message));
    }
    const { promise, resolve, reject } = Promise.withResolvers<Float32Array>();
    const onAbort = (): void => {
      if (signal !== undefined) waiting.settle(cancelled(signal));
    };
    const timer = setTimeout(() => {
      waiting.settle(new EmbedFailure("timeout", "The embedder did not answer in time."));
    }, this.#limits.answerMs);
    const waiting: Waiting = {
      text,
      isSettled: false,
      onSettled: undefined,
      settle: (result) => {
        if (waiting.isSettled) return;
        waiting.isSettled = true;
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        queue.delete(waiting);
        waiting.onSettled?.(result);
        if (result instanceof Float32Array) resolve(result);
        else reject(result);
      },
    };
    signal?.addEventListener("abort", onAbort, { once: true });
    queue.add(waiting);
    return promise;
  }

  #startRuns(): void {
    while (this.#running.size < this.#limits.runsMax) {
      const batch = this.#takeBatch();
      if (batch.length === 0) return;
      void this.#runBatch(batch);
    }
  }

  #takeBatch(): readonly Waiting[] {
    const batch: Waiting[] = [];
    for (const queue of [this.#urgent, this.#patient]) {
      for (const waiting of queue) {
        if (batch.length === this.#limits.batchMax) return batch;
        batch.push(waiting);
        queue.delete(waiting);
      }
    }
    return batch;
  }

  /** Never rejects. A batch that nobody waits for any more is given up, with what the last one heard as the reason. */
  async #runBatch(batch: readonly Waiting[]): Promise<void> {
    const controller = new AbortController();
    const run: Run = { batch };
    this.#running.add(run);
    let left = batch.length;
    for (const waiting of batch) {
      waiting.onSettled = (result) => {
        left -= 1;
        if (left === 0 && result instanceof EmbedFailure) controller.abort(result);
      };
    }
    const texts = batch.map(({ text }) => text);
    const results = await this.#run(texts, controller.signal).catch(toEmbedFailure);
    batch.forEach((waiting, index) => {
      waiting.settle(results instanceof EmbedFailure ? results : (results[index] ?? noVector()));
    });
    this.#running.delete(run);
    this.#startRuns();
  }
}

const cancelled = (signal: AbortSignal): EmbedFailure =>
  new EmbedFailure("cancelled", "The vector is no longer wanted.", signal.reason);

const noVector = (): EmbedFailure =>
  new EmbedFailure("unavailable", "The embedder sent fewer vectors than there were texts.");
