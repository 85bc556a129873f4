import { setTimeout as delay } from "node:timers/promises";

import { lineFaults } from "./read-lines.ts";
import type { Line } from "./read-lines.ts";
import type { Sent } from "./send-warm.ts";
import { Turnstile } from "./turnstile.ts";
import type { WarmLine, WarmRequest } from "./warm-line.ts";
import { WarmTally } from "./warm-tally.ts";
import type { LineOutcome, ListedFailure } from "./warm-tally.ts";

export interface WarmRun {
  readonly lines: AsyncGenerator<Line, void, undefined>;
  readonly readLine: (text: string) => WarmLine;
  readonly send: (request: WarmRequest) => Promise<Sent>;
  /** How many requests may run at the same time. No more lines than that are held. */
  readonly concurrency: number;
  /** Aborted by whoever wants no further lines sent; those that run are waited for. */
  readonly signal: AbortSignal;
  /** Ends the waiting for a further line, when none is wanted. */
  readonly closeFile: () => void;
  /** Hears of every line. */
  readonly onLine?: (tally: WarmTally, failure: ListedFailure | undefined) => void;
  readonly patience?: Patience;
}

export interface Patience {
  /** A wait that the gateway asks for and that is longer ends the run. */
  readonly waitMsMax: number;
  /** All waits of one line together; after that it has failed. */
  readonly lineMsMax: number;
  /** The first wait where the gateway names none; each further one is twice as long. */
  readonly firstMs: number;
}

export interface WarmEnd {
  readonly tally: WarmTally;
  /** `stopped`: to go on would have been no use. */
  readonly how: "finished" | "interrupted" | "stopped";
  /** Why it stopped, in sentences. */
  readonly why: string | undefined;
  /** Why the gateway could not be reached, if that stopped it. */
  readonly unreachable: unknown;
  /** Why the file could not be read further, if that stopped it. */
  readonly unreadable: unknown;
}

const defaultPatience: Patience = { waitMsMax: 600_000, lineMsMax: 600_000, firstMs: 1_000 };

/** If the first so many answers all went past the cache, the next ones would be paid for in vain too. */
export const fruitlessMax = 20;

/** Sends every line of a file, some at the same time, and says what became of them. */
export async function warm(run: WarmRun): Promise<WarmEnd> {
  const tour = new Tour(run);
  await Promise.all(Array.from({ length: run.concurrency }, () => tour.work()));
  return tour.end();
}

/** One run: its workers share the lines, the sums and what makes them stop. */
class Tour {
  readonly #run: WarmRun;
  readonly #patience: Patience;
  readonly #tally = new WarmTally();
  readonly #turnstile = new Turnstile();
  readonly #halt = new AbortController();
  #why: string | undefined;
  #unreachable: unknown;
  #unreadable: unknown;

  constructor(run: WarmRun) {
    this.#run = run;
    this.#patience = run.patience ?? defaultPatience;
    const { signal } = this.#halt;
    signal.addEventListener("abort", run.closeFile, { once: true });
    const halt = (): void => {
      this.#halt.abort();
    };
    if (run.signal.aborted) halt();
    else run.signal.addEventListener("abort", halt, { once: true, signal });
  }

  async work(): Promise<void> {
    for (;;) {
      if (this.#isOver()) return;
      const line = await this.#next();
      if (line === undefined) return;
      const outcome = await this.#outcomeOf(line);
      if (outcome === undefined) continue;
      const failure = this.#tally.add(line.number, outcome);
      this.#run.onLine?.(this.#tally, failure);
      this.#stopIfFruitless();
    }
  }

  end(): WarmEnd {
    const [why, unreachable, unreadable] = [this.#why, this.#unreachable, this.#unreadable];
    const isStopped = [why, unreachable, unreadable].some((reason) => reason !== undefined);
    const how = isStopped ? "stopped" : this.#run.signal.aborted ? "interrupted" : "finished";
    return { tally: this.#tally, how, why, unreachable, unreadable };
  }

  #isOver(): boolean {
    return this.#halt.signal.aborted;
  }

  /** Undefined at the end, and where there is to be no further line. */
  async #next(): Promise<Line | undefined> {
    try {
      const { value, done } = await this.#run.lines.next();
      return done === true || this.#isOver() ? undefined : value;
    } catch (error) {
      // Whoever ended the run closed the file as well.
      if (!this.#isOver()) this.#unreadable = error;
      this.#halt.abort();
      return undefined;
    }
  }

  /** Undefined for a line that was not sent, or is blank: it counts nowhere. */
  async #outcomeOf(line: Line): Promise<LineOutcome | undefined> {
    if ("fault" in line) return { kind: "problem", problem: lineFaults[line.fault] };
    const read = this.#run.readLine(line.text);
    switch (read.kind) {
      case "blank":
        return undefined;
      case "problem":
      case "uncacheable":
        return read;
      case "request":
        return this.#ask(read);
    }
  }

  async #ask(request: WarmRequest): Promise<LineOutcome | undefined> {
    await this.#turnstile.pass();
    if (this.#isOver()) return undefined;
    const sent = await this.#run.send(request);
    if (sent.kind !== "wait" && sent.kind !== "unreachable") return this.#conclude(sent);
    const refusedAtMs = performance.now();
    return this.#turnstile.alone(() => this.#askAgain(request, sent, refusedAtMs));
  }

  /** While all others wait. What was refused while another one waited has waited as well. */
  async #askAgain(
    request: WarmRequest,
    first: Waiting,
    refusedAtMs: number,
  ): Promise<LineOutcome | undefined> {
    let sent: Sent = first;
    let sinceMs = refusedAtMs;
    let waitedMs = 0;
    let nextMs = this.#patience.firstMs;
    for (;;) {
      if (this.#isOver()) return undefined;
      if (sent.kind !== "wait" && sent.kind !== "unreachable") return this.#conclude(sent);
      const waitMs = this.#waitOf(sent, nextMs);
      if (waitMs === undefined) return this.#giveUp(sent);
      if (waitedMs + waitMs > this.#patience.lineMsMax) return this.#giveUp(sent);
      if (!(await this.#wait(sinceMs + waitMs - performance.now()))) return undefined;
      waitedMs += waitMs;
      nextMs = Math.min(nextMs * 2, waitMsMost);
      sent = await this.#run.send(request);
      sinceMs = performance.now();
    }
  }

  /** Undefined where there is nothing to wait for. */
  #waitOf(sent: Waiting, nextMs: number): number | undefined {
    if (sent.kind === "wait") {
      const waitMs = sent.waitMs ?? nextMs;
      return waitMs > this.#patience.waitMsMax ? undefined : Math.max(waitMs, waitMsLeast);
    }
    // A gateway that answered before is perhaps being restarted.
    return this.#tally.answered > 0 && nextMs <= restartMsMax ? nextMs : undefined;
  }

  #giveUp(sent: Waiting): LineOutcome | undefined {
    if (sent.kind === "unreachable") {
      this.#stop(undefined);
      this.#unreachable ??= sent.cause;
      return undefined;
    }
    const { waitMs = 0 } = sent;
    if (waitMs > this.#patience.waitMsMax) {
      this.#stop(`The gateway asks to wait for ${Math.ceil(waitMs / 1_000)} seconds.`);
    }
    return sent.failed;
  }

  #conclude(sent: Exclude<Sent, Waiting>): LineOutcome {
    if (sent.kind !== "stop") return sent;
    this.#stop(sent.why);
    return sent.failed;
  }

  #stop(why: string | undefined): void {
    this.#why ??= why;
    this.#halt.abort();
  }

  #stopIfFruitless(): void {
    const { answered, bypassed } = this.#tally;
    if (answered < fruitlessMax || bypassed < answered) return;
    this.#stop(
      `The first ${answered} answers all went past the cache, so they were paid for in vain. Is it on, for the gateway (SENTINEL_CACHE) and in the policies of the tenant and the key? \`sentinel audit show\` has the reason of each.`,
    );
  }

  /** False if the run ended meanwhile. */
  async #wait(ms: number): Promise<boolean> {
    const { signal } = this.#halt;
    try {
      await delay(Math.max(0, ms), undefined, { signal });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}

type Waiting = Extract<Sent, { readonly kind: "wait" | "unreachable" }>;

const waitMsLeast = 50;
const waitMsMost = 60_000;
/** The last wait for a gateway that went away: with those before it half a minute. */
const restartMsMax = 16_000;
