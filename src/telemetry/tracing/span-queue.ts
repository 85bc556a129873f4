/**
 * The bound of what waits for the collector. At the bound the oldest span is dropped and
 * `sentinel_spans_dropped_total` goes up: about 20 MB of memory.
 */
export const spanQueueMax = 10_000;
/**
 * So many go in one request, half of what OpenTelemetry's own processor sends: to write a span as protobuf takes the event
 * loop 10 µs, and all other requests wait for the batch.
 */
export const batchSpansMax = 256;

/** Why spans did not reach the collector. */
export type SpanDropReason = "queue_full" | "export_failed";

export interface SpanQueueOptions<Span> {
  /** Sends a batch; rejects where the collector has not taken it. Its promise need not settle in time, or at all. */
  readonly send: (batch: readonly Span[]) => Promise<void>;
  /** Spans wait at most so long for others to go with. */
  readonly gatherMs: number;
  /** After so long a batch counts as lost. */
  readonly sendMs: number;
  /** How long the end of the process waits for what is left. */
  readonly flushMs: number;
  readonly onDropped: (reason: SpanDropReason, count: number) => void;
  /** Told of the first batch that is lost, and then of the first one that is taken again. */
  readonly onSent: (outcome: "failed" | "recovered", error?: unknown) => void;
}

/** Spans on their way to the collector: one batch after the other, never in the way of a request. */
export class SpanQueue<Span> implements AsyncDisposable {
  readonly #options: SpanQueueOptions<Span>;
  #waiting: Span[] = [];
  #sending: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isFailing = false;
  /** Spans of the batch that is being sent. */
  #underWay = 0;
  #isClosed = false;
  /** What is still under way was given up, and counted. */
  #isOver = false;

  constructor(options: SpanQueueOptions<Span>) {
    this.#options = options;
  }

  /** How many wait. */
  get size(): number {
    return this.#waiting.length;
  }

  /** Costs a push. What comes after the end is dropped. */
  add(span: Span): void {
    if (this.#isClosed) {
      this.#options.onDropped("export_failed", 1);
      return;
    }
    if (this.#waiting.length >= spanQueueMax) {
      this.#waiting.shift();
      this.#options.onDropped("queue_full", 1);
    }
    this.#waiting.push(span);
    if (this.#sending !== undefined) return;
    if (this.#waiting.length === batchSpansMax) this.#sendSoon(0);
    else if (this.#timer === undefined) this.#sendSoon(this.#options.gatherMs);
  }

  /** Sends what is left, within `flushMs`; what is not taken by then is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    const untilMs = performance.now() + this.#options.flushMs;
    await within(this.#options.flushMs, this.#sending ?? Promise.resolve());
    while (this.#waiting.length > 0 && performance.now() < untilMs) {
      await within(untilMs - performance.now(), this.#sendBatch());
      // One that is still under way took all the time that there was.
      if (this.#isFailing || this.#underWay > 0) break;
    }
    this.#isOver = true;
    const left = this.#waiting.length + this.#underWay;
    this.#waiting = [];
    if (left > 0) this.#options.onDropped("export_failed", left);
  }

  #sendSoon(afterMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#sending ??= this.#sendBatch().finally(() => {
        this.#sending = undefined;
        if (this.#isClosed || this.#waiting.length === 0) return;
        this.#sendSoon(this.#waiting.length >= batchSpansMax ? 0 : this.#options.gatherMs);
      });
    }, afterMs).unref();
  }

  /** Never rejects. */
  async #sendBatch(): Promise<void> {
    const { send, sendMs, onDropped, onSent } = this.#options;
    const batch = this.#waiting.splice(0, batchSpansMax);
    this.#underWay = batch.length;
    try {
      await orTooLate(sendMs, send(batch));
      if (this.#isFailing) onSent("recovered");
      this.#isFailing = false;
    } catch (error) {
      if (this.#isOver) return;
      onDropped("export_failed", batch.length);
      if (!this.#isFailing) onSent("failed", error);
      this.#isFailing = true;
    } finally {
      this.#underWay = 0;
    }
  }
}

/** Waits for it, and not longer than that. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, ms));
  });
  await Promise.race([work, end]);
  clearTimeout(timer);
}

async function orTooLate(ms: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const end = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(new Error(`The collector did not answer within ${ms} ms.`));
    }, ms).unref();
  });
  try {
    await Promise.race([work, end]);
  } finally {
    clearTimeout(timer);
  }
}
