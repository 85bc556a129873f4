import { extname } from "node:path";
import { Worker } from "node:worker_threads";

import { Failure } from "../../../errors.ts";
import type { BookCall, Books, FromReader, ReaderSettings, ToReader } from "./read-protocol.ts";

export interface ReaderOptions {
  readonly dataDir: string;
  /** The thread ends when nobody has asked for so long. */
  readonly idleMs?: number;
}

export type SqliteReader = Books & AsyncDisposable;

/** At the bound a call is refused at once. */
const waitingCallsMax = 200;
const idleMsDefault = 60_000;
/** The longest call is bounded to a fraction of a second: later ones find room then. */
const retryAfterMs = 1_000;

/**
 * The audit files and `ledger.db`, read. A thread of its own starts at the first question and ends when there are
 * none for a while, so that a gateway that nobody asks pays nothing. Its calls reject with `store_unavailable`.
 */
export function openSqliteReader(options: ReaderOptions): Promise<SqliteReader> {
  const thread = new ReadingThread(options);
  const call =
    <Name extends BookCall>(name: Name) =>
    (...args: Parameters<Books[Name]>): Promise<Awaited<ReturnType<Books[Name]>>> =>
      thread.call(name, args) as Promise<Awaited<ReturnType<Books[Name]>>>;
  return Promise.resolve({
    list: call("list"),
    get: call("get"),
    payload: call("payload"),
    erasePayload: call("erasePayload"),
    usage: call("usage"),
    judge: call("judge"),
    budgetsSpent: call("budgetsSpent"),
    [Symbol.asyncDispose]: () => thread.close(),
  });
}

interface WaitingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

class ReadingThread {
  readonly #settings: ReaderSettings;
  readonly #idleMs: number;
  readonly #waiting = new Map<number, WaitingCall>();
  #worker: Worker | undefined;
  #idleTimer: NodeJS.Timeout | undefined;
  #lastId = 0;
  #isClosed = false;

  constructor({ dataDir, idleMs = idleMsDefault }: ReaderOptions) {
    this.#settings = { dataDir };
    this.#idleMs = idleMs;
  }

  call(call: BookCall, args: readonly unknown[]): Promise<unknown> {
    if (this.#isClosed) return Promise.reject(unavailable("The reader is closed."));
    if (this.#waiting.size >= waitingCallsMax) {
      return Promise.reject(unavailable(`${waitingCallsMax} calls wait for the books already.`));
    }
    clearTimeout(this.#idleTimer);
    const worker = (this.#worker ??= this.#start());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      worker.postMessage({ id, call, args } satisfies ToReader);
      this.#waiting.set(id, { resolve, reject });
      worker.ref();
    });
  }

  /** Calls that wait are rejected. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#idleTimer);
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // The extension is this file's own: `.ts` as it is developed, `.js` as it is published.
    const url = new URL(`read-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(url, { name: "books reader", workerData: this.#settings });
    let cause: unknown;
    worker.on("message", (message: FromReader) => {
      this.#answered(message);
    });
    worker.on("error", (error) => {
      cause = error;
    });
    worker.on("exit", () => {
      if (this.#worker !== worker) return; // It was idle, and nobody waits for it.
      this.#worker = undefined;
      const gone = unavailable("The thread that reads the books has ended.", cause);
      for (const { reject } of this.#waiting.values()) reject(gone);
      this.#waiting.clear();
    });
    return worker;
  }

  #answered(message: FromReader): void {
    const call = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ("error" in message) call?.reject(unavailable(message.error.message, message.error));
    else call?.resolve(message.value);
    if (this.#waiting.size > 0) return;
    this.#worker?.unref();
    this.#idleTimer = setTimeout(() => void this.#end(), this.#idleMs).unref();
  }

  async #end(): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}

function unavailable(reason: string, cause?: unknown): Failure {
  return new Failure("store_unavailable", "Sentinel's books do not answer. Try again shortly.", {
    cause: new Error(reason, { cause }),
    retryAfterMs,
  });
}
