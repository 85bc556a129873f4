import { AwakeClock, lookEveryMs } from "./awake-clock.ts";
import type { RedisConnection } from "./open.ts";

/** Why Redis was not asked, or its answer not waited for. Never reaches a client: there is a local answer. */
export class RedisUnavailable extends Error {
  override readonly name = "RedisUnavailable";
}

/** So long a request waits for Redis. */
export const answerMsMax = 50;
/** So many calls are on their way to a server at once. The others wait here, as long as answers come. */
const onTheirWayMax = 64;
/** One call waits for those before it, which is no sign of trouble as long as answers come: so much more for each. */
const perCallAheadMs = 2;
/**
 * So many that wait at once keep the whole machine busy, Redis included: then silence means less, by a millisecond for
 * each of them, up to the bound. Three thousand a second that come one after the other are no such crowd.
 */
const crowdMin = 256;
const crowdMsMax = 500;
/** Answers come, and still a call waits so long for its turn: the server cannot do it all. */
const turnMsMax = 2_000;
/** However busy this process is: then nobody waits any longer. */
const wallMsMax = 1_000;
/** So many failures in a row, and nobody is made to wait any more. */
const failuresMax = 3;
/** Then Redis is asked this often whether it is back, by us and not by a request. */
const probeEveryMs = 100;

export interface RequestGateDeps {
  readonly redis: RedisConnection;
  /** So long a call waits for an answer. */
  readonly answerMs: number;
  /** Called when a server is given up and when it is back; `undefined`: all answer. */
  readonly onChange: (problem: string | undefined) => void;
}

/** A call that goes to the server which has `key`. */
export interface GatedCall<Reply> {
  readonly node: string;
  /** A key on that server that may be written, to find out whether it is back. */
  readonly probeKey: string;
  readonly send: () => Promise<Reply>;
  /** Gets an answer for which nobody waited. */
  readonly onLate: (reply: Reply) => void;
}

/**
 * Stands before the connection of the request path: no call waits longer than its deadline, and while a server does
 * not answer none waits at all. In a cluster each server is judged by itself.
 *
 * A thousand calls of one instant are no reason to do without Redis: few are on their way at a time, only these have
 * a deadline, and only the time counts in which an answer could have been read. Runs once per limited request;
 * budget 3 µs.
 */
export class RequestGate implements Disposable {
  readonly #deps: RequestGateDeps;
  readonly #lanes = new Map<string, Lane>();

  constructor(deps: RequestGateDeps) {
    this.#deps = deps;
  }

  isOpen(node: string): boolean {
    return this.#lanes.get(node)?.problem !== undefined;
  }

  /** Rejects with `RedisUnavailable`. */
  call<Reply>(call: GatedCall<Reply>): Promise<Reply> {
    let lane = this.#lanes.get(call.node);
    if (lane === undefined) {
      // Bounded by the servers that a cluster has had.
      lane = new Lane(this.#deps, () => {
        this.#deps.onChange(this.problem);
      });
      this.#lanes.set(call.node, lane);
    }
    return lane.call(call);
  }

  [Symbol.dispose](): void {
    for (const lane of this.#lanes.values()) lane.close();
  }

  /** Undefined while all servers answer. */
  get problem(): string | undefined {
    const problems = [...this.#lanes.values()].flatMap(({ problem }) => problem ?? []);
    return problems[0];
  }
}

interface WaitingCall {
  /** By the clock on the wall. */
  readonly cameMs: number;
  /** By the lane's awake clock; since it was sent, or has waited for its turn. */
  sinceMs: number;
  /** Sent before it, and not answered then. */
  ahead: number;
  readonly send: () => void;
  readonly expire: () => void;
}

/** One server: its calls that wait, the oldest first, and whether it is given up. */
class Lane {
  readonly #redis: RedisConnection;
  readonly #answerMs: number;
  readonly #onChange: () => void;
  readonly #awake = new AwakeClock();
  readonly #sent = new Set<WaitingCall>();
  /** Wait for their turn. Bounded by the requests that the door lets in. */
  readonly #queued = new Set<WaitingCall>();
  #isWatching = false;
  #timer: NodeJS.Timeout | undefined;
  #probeTimer: NodeJS.Timeout | undefined;
  /** By the awake clock. */
  #lastReplyMs = 0;
  /** More patience, while there is a crowd. */
  #crowdMs = 0;
  #failures = 0;
  #problem: string | undefined;
  #isClosed = false;

  constructor({ redis, answerMs }: RequestGateDeps, onChange: () => void) {
    this.#redis = redis;
    this.#answerMs = answerMs;
    this.#onChange = onChange;
  }

  /** Undefined while it answers. */
  get problem(): string | undefined {
    return this.#problem;
  }

  call<Reply>(call: GatedCall<Reply>): Promise<Reply> {
    if (this.#problem !== undefined) return Promise.reject(new RedisUnavailable(this.#problem));
    if (!this.#isWatching) {
      this.#awake.start();
      this.#crowdMs = 0;
      this.#watch(Math.min(this.#answerMs, lookEveryMs));
    }
    return new Promise((resolve, reject) => {
      const waiting = this.#waitingCall(call, resolve, reject);
      if (this.#sent.size < onTheirWayMax) this.#send(waiting);
      else this.#queued.add(waiting);
    });
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#probeTimer);
  }

  #waitingCall<Reply>(
    { probeKey, send, onLate }: GatedCall<Reply>,
    resolve: (reply: Reply) => void,
    reject: (error: RedisUnavailable) => void,
  ): WaitingCall {
    let isExpired = false;
    const fail = (problem: string): void => {
      this.#noteFailure(problem, probeKey);
      reject(new RedisUnavailable(problem));
    };
    const waiting: WaitingCall = {
      cameMs: performance.now(),
      sinceMs: this.#awake.now(),
      ahead: 0,
      send: () => {
        send().then(
          (reply) => {
            this.#noteReply(waiting);
            if (isExpired) {
              onLate(reply);
              return;
            }
            this.#failures = 0;
            resolve(reply);
          },
          (error: unknown) => {
            this.#noteReply(waiting);
            if (!isExpired) fail(error instanceof Error ? error.message : String(error));
          },
        );
      },
      expire: () => {
        isExpired = true;
        fail("Redis does not answer in time");
      },
    };
    return waiting;
  }

  #send(waiting: WaitingCall): void {
    waiting.sinceMs = this.#awake.now();
    waiting.ahead = this.#sent.size;
    this.#sent.add(waiting);
    waiting.send();
  }

  /** The next may go. */
  #noteReply(waiting: WaitingCall): void {
    this.#lastReplyMs = this.#awake.now();
    this.#sent.delete(waiting);
    for (const next of this.#queued) {
      if (this.#sent.size >= onTheirWayMax) return;
      this.#queued.delete(next);
      this.#send(next);
    }
  }

  #watch(afterMs: number): void {
    this.#isWatching = true;
    this.#timer = setTimeout(() => {
      // What the server sent while this process was busy is read before anybody is told that it is late.
      setImmediate(() => {
        this.#expire();
      });
    }, afterMs);
  }

  /** The oldest that are too late. Looks again while anybody waits. */
  #expire(): void {
    this.#isWatching = false;
    if (this.#isClosed) return;
    this.#awake.look();
    const count = this.#sent.size + this.#queued.size;
    const calmedMs = Math.max(0, this.#crowdMs - lookEveryMs);
    this.#crowdMs = count < crowdMin ? calmedMs : Math.min(count, crowdMsMax);
    const leftMs = Math.min(
      this.#expireIn(this.#sent, (waiting) => this.#leftOf(waiting)),
      this.#expireIn(this.#queued, ({ sinceMs }) => sinceMs + turnMsMax - this.#awake.now()),
    );
    if (leftMs < Number.POSITIVE_INFINITY) this.#watch(Math.min(leftMs, lookEveryMs));
  }

  /** Gives how long the oldest may wait that is left; infinitely where there is none. */
  #expireIn(waitingCalls: Set<WaitingCall>, leftOf: (waiting: WaitingCall) => number): number {
    for (const waiting of waitingCalls) {
      const leftMs = leftOf(waiting);
      if (leftMs > 0) return leftMs;
      waitingCalls.delete(waiting);
      waiting.expire();
    }
    return Number.POSITIVE_INFINITY;
  }

  #leftOf({ cameMs, sinceMs, ahead }: WaitingCall): number {
    const nowMs = this.#awake.now();
    const patienceMs = this.#answerMs + this.#crowdMs;
    const untilQuietMs = Math.max(sinceMs, this.#lastReplyMs) + patienceMs - nowMs;
    const untilLateMs = sinceMs + patienceMs + ahead * perCallAheadMs - nowMs;
    const untilEndMs = cameMs + turnMsMax + wallMsMax - performance.now();
    return Math.min(untilQuietMs, untilLateMs, untilEndMs);
  }

  #noteFailure(problem: string, probeKey: string): void {
    this.#failures += 1;
    if (this.#failures < failuresMax || this.#problem !== undefined || this.#isClosed) return;
    this.#problem = problem;
    // Those that wait for the same silence need not sit it out.
    const waitingCalls = [...this.#sent, ...this.#queued];
    this.#sent.clear();
    this.#queued.clear();
    for (const waiting of waitingCalls) waiting.expire();
    this.#onChange();
    this.#probeLater(probeKey);
  }

  #probeLater(probeKey: string): void {
    if (this.#isClosed) return;
    this.#probeTimer = setTimeout(() => {
      void this.#probe(probeKey);
    }, probeEveryMs);
    this.#probeTimer.unref();
  }

  /** Half open: one write of our own, which must be as quick as a request's. */
  async #probe(probeKey: string): Promise<void> {
    const startMs = performance.now();
    try {
      await this.#redis.client.set(probeKey, "1", "PX", probeKeptMs);
      if (performance.now() - startMs < this.#answerMs) {
        this.#problem = undefined;
        this.#failures = 0;
        this.#onChange();
        return;
      }
    } catch {
      // Still gone: the next probe tells.
    }
    this.#probeLater(probeKey);
  }
}
const probeKeptMs = 1_000;
