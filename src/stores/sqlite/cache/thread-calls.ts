import { Worker } from "node:worker_threads";

import type { Clock } from "../../../lib/clock.ts";

/** What a thread is asked: it answers once, with the same `id`. */
interface Asked {
  readonly kind: string;
  readonly id: number;
}

/** What is only said to it, and every thread understands: it does what it has been asked, and ends. */
export interface CloseThread {
  readonly kind: "close";
}

/** What a thread answers. */
export type FromThread =
  | { readonly kind: "done"; readonly ids: readonly number[]; readonly value?: unknown }
  | { readonly kind: "failed"; readonly ids: readonly number[]; readonly reason: string }
  | Told;

/** What it says without having been asked. */
interface Told {
  readonly kind: "told";
  readonly value: unknown;
}

/** `Omit` for each of them. */
type WithoutId<Each> = Each extends unknown ? Omit<Each, "id"> : never;

export interface ThreadCallsOptions {
  readonly url: URL;
  readonly name: string;
  /** The thread's `workerData`. */
  readonly settings: unknown;
  readonly clock: Clock;
  /** So long a look-up waits for the thread. */
  readonly answerMs?: number;
  /** Told what the thread says without having been asked; `undefined` when it is gone. */
  readonly onTold?: (value: unknown) => void;
}

const answerMsDefault = 50;
/** At the bounds a call is rejected at once: the disk does not keep up. */
const waitingCallsMax = 1_000;
const waitingBytesMax = 32 * 1024 * 1024;
/** A thread that died is started again after this, by the next who asks. */
const startAgainMs = 1_000;
/** What waits is written first, if that takes no longer. */
const closeWaitMs = 2_000;

interface WaitingCall {
  readonly bytes: number;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Calls to the thread that owns a file of the cache: bounded, and answered or rejected whatever becomes of the thread. */
export class ThreadCalls<Call extends Asked, Word = never> implements AsyncDisposable {
  readonly #options: ThreadCallsOptions;
  readonly #answerMs: number;
  readonly #waiting = new Map<number, WaitingCall>();
  #waitingBytes = 0;
  #lastId = 0;
  #worker: Worker | undefined;
  #startedMs = Number.NEGATIVE_INFINITY;
  /** A look-up was not answered in time, and nothing since. */
  #isLate = false;
  #isClosed = false;

  constructor(options: ThreadCallsOptions) {
    this.#options = options;
    this.#answerMs = options.answerMs ?? answerMsDefault;
    this.#worker = this.#start();
  }

  /** What is in `moved` is the thread's then. */
  call(call: WithoutId<Call>, moved: readonly Uint8Array<ArrayBuffer>[] = []): Promise<unknown> {
    return this.#send(++this.#lastId, call, moved);
  }

  /** A look-up's answer, or a rejection when it does not come: what comes later is of use to nobody. */
  async callInTime(call: WithoutId<Call>): Promise<unknown> {
    if (this.#isLate) throw new Error("The cache's thread does not answer.");
    const id = ++this.#lastId;
    const answer = this.#send(id, call, []);
    const timer = setTimeout(() => {
      // What the thread sent while this one was busy is read before anybody is told that it is late.
      setImmediate(() => {
        const waiting = this.#end(id);
        if (waiting === undefined) return;
        this.#isLate = true;
        waiting.reject(new Error("The cache's thread does not answer in time."));
      });
    }, this.#answerMs);
    return answer.finally(() => {
      clearTimeout(timer);
    });
  }

  /** Lost where no thread runs. */
  tell(word: Word): void {
    this.#worker?.postMessage(word);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    const worker = this.#worker;
    if (worker === undefined) return;
    const gone = new Promise<void>((resolve) => {
      worker.once("exit", () => {
        resolve();
      });
    });
    worker.ref();
    worker.postMessage({ kind: "close" } satisfies CloseThread);
    const timer = setTimeout(() => void worker.terminate(), closeWaitMs);
    await gone;
    clearTimeout(timer);
  }

  #send(
    id: number,
    call: WithoutId<Call>,
    moved: readonly Uint8Array<ArrayBuffer>[],
  ): Promise<unknown> {
    const bytes = moved.reduce((sum, { length }) => sum + length, 0);
    if (this.#isClosed) return Promise.reject(new Error("The cache is closed."));
    if (this.#waiting.size >= waitingCallsMax || this.#waitingBytes + bytes > waitingBytesMax) {
      return Promise.reject(new Error("Too much waits for the cache's file already."));
    }
    const worker = this.#worker ?? this.#startAgain();
    if (worker === undefined) return Promise.reject(new Error("The cache's thread has died."));
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { bytes, resolve, reject });
      this.#waitingBytes += bytes;
      worker.postMessage(
        { ...call, id },
        moved.map(({ buffer }) => buffer),
      );
    });
  }

  #end(id: number): WaitingCall | undefined {
    const call = this.#waiting.get(id);
    if (call === undefined) return undefined;
    this.#waiting.delete(id);
    this.#waitingBytes -= call.bytes;
    return call;
  }

  #startAgain(): Worker | undefined {
    if (this.#options.clock.tickMs() - this.#startedMs < startAgainMs) return undefined;
    return this.#start();
  }

  #start(): Worker {
    const { url, name, settings, clock } = this.#options;
    this.#startedMs = clock.tickMs();
    const worker = new Worker(url, { name, workerData: settings });
    let cause: unknown;
    worker.on("message", (message: FromThread) => {
      this.#answered(message);
    });
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => {
      this.#worker = undefined;
      this.#isLate = false;
      this.#options.onTold?.(undefined);
      const gone = new Error("The cache's thread has ended.", { cause });
      for (const { reject } of this.#waiting.values()) reject(gone);
      this.#waiting.clear();
      this.#waitingBytes = 0;
    });
    // A process that ends does not wait for its cache; closing it does.
    worker.unref();
    this.#worker = worker;
    return worker;
  }

  #answered(message: FromThread): void {
    if (message.kind === "told") {
      this.#options.onTold?.(message.value);
      return;
    }
    this.#isLate = false;
    for (const id of message.ids) {
      const call = this.#end(id);
      if (message.kind === "done") call?.resolve(message.value);
      else call?.reject(new Error(`The cache's file cannot be used: ${message.reason}`));
    }
  }
}
