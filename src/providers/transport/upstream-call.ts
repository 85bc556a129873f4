import type { Dispatcher } from "undici";

import { Failure, toFailure } from "../../errors.ts";
import type { Recovery } from "../../errors.ts";
import type { Deadlines } from "../deadlines.ts";

/**
 * One request to an upstream, over `Pool.dispatch`: the lowest call that undici has, which hands over each
 * chunk as it was read and pauses the socket when told to. Runs once per attempt.
 */

export interface UpstreamRequest {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Names and values in turn. */
  readonly headers: string[];
  readonly body: Buffer | string | null;
  readonly signal: AbortSignal;
  readonly deadlines: Deadlines;
  /** When the whole request must be over, in `performance.now()`. */
  readonly deadlineTickMs: number;
  /** How messages name the upstream: never its address, which tenants have no business to know. */
  readonly upstreamName: string;
}

export interface UpstreamResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: UpstreamBody;
}

export interface UpstreamBody {
  /** What has arrived since the last call; undefined at the end. */
  next(): Promise<Buffer | undefined>;
  /** Ends the request wherever it is. */
  cancel(): void;
  /** Nothing more is wanted, but it is about to end by itself: its connection can be used again. */
  drain(): void;
}

/** Past this much unread, the socket is paused until the client has caught up. */
const unreadBytesMax = 64 * 1024;

/** How long an answer that is over may take to close before its connection is given up. */
const drainMs = 1_000;

interface Waiter<Value> {
  readonly resolve: (value: Value) => void;
  readonly reject: (failure: Failure) => void;
}

/** What may follow each deadline. A request that never left may be tried again. */
const recoveries = {
  connect: "retry",
  "first byte": "fallback",
  idle: "fallback",
  total: "none",
} as const satisfies Record<string, Recovery>;

type Phase = "connecting" | "waiting" | "reading" | "draining" | "over";

export class UpstreamCall implements Dispatcher.DispatchHandler, UpstreamBody {
  readonly #request: UpstreamRequest;
  readonly #head: Waiter<UpstreamResponse>;
  #controller: Dispatcher.DispatchController | undefined;
  #phase: Phase = "connecting";
  #phaseStartedMs = performance.now();
  #timer: NodeJS.Timeout;
  /** Status and headers are in; the first byte of the body may still be awaited. */
  #hasHead = false;
  #failure: Failure | undefined;
  #unread: Buffer[] = [];
  #unreadBytes = 0;
  #isPaused = false;
  #chunkWaiter: Waiter<Buffer | undefined> | undefined;
  /** The error with which the connection died before anything was answered. */
  unansweredError: Error | undefined;

  constructor(request: UpstreamRequest, head: Waiter<UpstreamResponse>) {
    this.#request = request;
    this.#head = head;
    this.#timer = setTimeout(this.#onTimer, this.#msLeft().ms);
    request.signal.addEventListener("abort", this.#onAbort, { once: true });
    if (request.signal.aborted) this.#onAbort();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#failure !== undefined) controller.abort(this.#failure);
    else this.#enter("waiting");
  }

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: UpstreamResponse["headers"],
  ): void {
    if (status < 200 || this.#failure !== undefined) return;
    this.#hasHead = true;
    this.#head.resolve({ status, headers, body: this });
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#phase === "draining" || this.#phase === "over") return;
    this.#enter("reading");
    const waiter = this.#chunkWaiter;
    if (waiter !== undefined) {
      this.#chunkWaiter = undefined;
      waiter.resolve(chunk);
      return;
    }
    this.#unread.push(chunk);
    this.#unreadBytes += chunk.length;
    if (this.#unreadBytes > unreadBytesMax && !this.#isPaused) {
      this.#isPaused = true;
      controller.pause();
    }
  }

  onResponseEnd(): void {
    if (this.#phase === "over") return;
    this.#finish();
    this.#chunkWaiter?.resolve(undefined);
    this.#chunkWaiter = undefined;
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#phase === "over") return;
    if (!this.#hasHead) this.unansweredError = error;
    this.#fail(this.#explain(error));
  }

  next(): Promise<Buffer | undefined> {
    if (this.#unread.length > 0) return Promise.resolve(this.#takeUnread());
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#phase === "over") return Promise.resolve(undefined);
    return new Promise((resolve, reject) => {
      this.#chunkWaiter = { resolve, reject };
    });
  }

  cancel(): void {
    this.#unread = [];
    this.#fail(new Failure("client_closed_request", "The answer is no longer wanted."));
  }

  drain(): void {
    if (this.#phase === "over") return;
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener("abort", this.#onAbort);
    this.#phase = "draining";
    this.#unread = [];
    this.#timer = setTimeout(() => {
      this.cancel();
    }, drainMs).unref();
    if (this.#isPaused) this.#controller?.resume();
  }

  #takeUnread(): Buffer {
    const [first] = this.#unread;
    const unread =
      this.#unread.length === 1 && first !== undefined ? first : Buffer.concat(this.#unread);
    this.#unread = [];
    this.#unreadBytes = 0;
    if (this.#isPaused) {
      this.#isPaused = false;
      this.#phaseStartedMs = performance.now();
      this.#controller?.resume();
    }
    return unread;
  }

  #enter(phase: Phase): void {
    this.#phaseStartedMs = performance.now();
    if (phase === this.#phase) return;
    this.#phase = phase;
    // The new phase's deadline may be nearer than the one for which the timer is set.
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onTimer, this.#msLeft().ms);
  }

  /** The one timer is set for the deadline that is nearest now; when it rings too early it is set again. */
  readonly #onTimer = (): void => {
    const { ms } = this.#msLeft();
    if (ms > 0) this.#timer = setTimeout(this.#onTimer, ms);
    // If it was the event loop that stood still, the answer waits in the socket: it is read first.
    else setImmediate(this.#onOverdue);
  };

  readonly #onOverdue = (): void => {
    if (this.#phase === "over" || this.#phase === "draining") return;
    const { ms, which } = this.#msLeft();
    if (ms > 0) {
      clearTimeout(this.#timer);
      this.#timer = setTimeout(this.#onTimer, ms);
      return;
    }
    const message = `${this.#request.upstreamName} did not answer in time (the ${which} deadline).`;
    this.#fail(new Failure("upstream_timeout", message, { recovery: recoveries[which] }));
  };

  #msLeft(): { ms: number; which: keyof typeof recoveries } {
    const { deadlines, deadlineTickMs } = this.#request;
    const nowMs = performance.now();
    const totalMs = deadlineTickMs - nowMs;
    const spentMs = this.#isPaused ? 0 : nowMs - this.#phaseStartedMs;
    const [limitMs, which] =
      this.#phase === "connecting"
        ? ([deadlines.connectMs, "connect"] as const)
        : this.#phase === "waiting"
          ? ([deadlines.firstByteMs, "first byte"] as const)
          : ([deadlines.idleMs, "idle"] as const);
    const phaseMs = limitMs - spentMs;
    // A timer may ring a fraction of a millisecond early; less than half of one counts as over.
    const ms = Math.min(phaseMs, totalMs);
    return { ms: ms < 0.5 ? 0 : ms, which: totalMs <= phaseMs ? "total" : which };
  }

  readonly #onAbort = (): void => {
    this.#unread = [];
    this.#fail(toFailure(this.#request.signal.reason));
  };

  /** What has arrived by now can still be read; the failure comes after it. */
  #fail(failure: Failure): void {
    if (this.#phase === "over") return;
    this.#failure = failure;
    this.#finish();
    this.#controller?.abort(failure);
    this.#head.reject(failure);
    this.#chunkWaiter?.reject(failure);
    this.#chunkWaiter = undefined;
  }

  #finish(): void {
    this.#phase = "over";
    clearTimeout(this.#timer);
    this.#request.signal.removeEventListener("abort", this.#onAbort);
  }

  #explain(error: Error): Failure {
    const code: unknown = Reflect.get(error, "code");
    const reason = typeof code === "string" ? code : error.name;
    const name = this.#request.upstreamName;
    if (code === "UND_ERR_CONNECT_TIMEOUT") {
      return new Failure(
        "upstream_timeout",
        `${name} could not be reached in time (the connect deadline).`,
        {
          cause: error,
          recovery: "retry",
        },
      );
    }
    const message =
      this.#phase === "connecting"
        ? `${name} could not be reached (${reason}).`
        : !this.#hasHead
          ? `${name} closed the connection without an answer (${reason}).`
          : `${name} broke off in the middle of its answer (${reason}).`;
    return new Failure("upstream_error", message, { cause: error });
  }
}
