import { setTimeout as delay } from "node:timers/promises";

import { CommandFailed } from "../gateway-client.ts";
import type { JudgeVerdict } from "./judge-client.ts";
import type { LabelledItem } from "./labelled-item.ts";

export interface JudgeRun {
  readonly items: readonly LabelledItem[];
  readonly judge: (item: LabelledItem) => Promise<JudgeVerdict>;
  /** How many are judged at the same time. */
  readonly concurrency: number;
  /** Aborted by whoever wants no further ones judged; those that run are waited for. */
  readonly signal: AbortSignal;
  readonly onItem?: (tally: JudgeTally) => void;
  /** Before a judge that is busy is asked again. */
  readonly waitsMs?: readonly number[];
}

export interface JudgeTally {
  readonly judged: number;
  readonly failed: number;
  readonly nanoUsd: number;
}

export interface JudgedItem {
  readonly item: LabelledItem;
  readonly id: string;
  /** Null where the gateway came to nothing. */
  readonly verdict: JudgeVerdict | null;
}

export interface JudgeEnd extends JudgeTally {
  /** In the order of the items. */
  readonly items: readonly JudgedItem[];
  /** How often which failure. */
  readonly failures: ReadonlyMap<string, number>;
  readonly how: "finished" | "interrupted" | "stopped";
  /** Why to go on would have been no use. */
  readonly why: unknown;
}

/** If the first so many all fail, the others would be paid for in vain too. */
export const fruitlessMax = 10;

const usualWaitsMs = [2_000, 5_000, 15_000, 30_000] as const;

/** Judges every item, some at the same time, and says what became of them. */
export async function judgeItems(run: JudgeRun): Promise<JudgeEnd> {
  const tour = new Tour(run);
  await Promise.all(Array.from({ length: run.concurrency }, () => tour.work()));
  return tour.end();
}

class Tour {
  readonly #run: JudgeRun;
  readonly #halt = new AbortController();
  readonly #done = new Map<number, JudgedItem>();
  readonly #failures = new Map<string, number>();
  #next = 0;
  #failed = 0;
  #nanoUsd = 0;
  #why: unknown;

  constructor(run: JudgeRun) {
    this.#run = run;
    const halt = (): void => {
      this.#halt.abort();
    };
    if (run.signal.aborted) halt();
    else run.signal.addEventListener("abort", halt, { once: true, signal: this.#halt.signal });
  }

  async work(): Promise<void> {
    while (!this.#halt.signal.aborted) {
      const place = this.#next++;
      const item = this.#run.items[place];
      if (item === undefined) return;
      const verdict = await this.#judge(item);
      if (verdict === undefined) return;
      this.#done.set(place, { item, id: item.id, verdict });
      if (verdict === null || verdict.status === "failed") this.#failed++;
      this.#run.onItem?.(this.#tally());
      this.#stopIfFruitless();
    }
  }

  end(): JudgeEnd {
    const items = [...this.#done].sort(([a], [b]) => a - b).map(([, item]) => item);
    const isWhole = items.length === this.#run.items.length;
    const how = this.#why !== undefined ? "stopped" : isWhole ? "finished" : "interrupted";
    return { ...this.#tally(), items, failures: this.#failures, how, why: this.#why };
  }

  #tally(): JudgeTally {
    return { judged: this.#done.size, failed: this.#failed, nanoUsd: this.#nanoUsd };
  }

  /** Null for one that failed; undefined where it ends the run. */
  async #judge(item: LabelledItem): Promise<JudgeVerdict | null | undefined> {
    for (const waitMs of [...(this.#run.waitsMs ?? usualWaitsMs), undefined]) {
      const attempt = await this.#attempt(item);
      if (attempt === undefined) return undefined;
      const isOver = waitMs === undefined || this.#halt.signal.aborted;
      if (!attempt.isBusy || isOver) return this.#conclude(attempt);
      if (!(await this.#wait(waitMs))) return undefined;
    }
    return undefined;
  }

  async #attempt(item: LabelledItem): Promise<Attempt | undefined> {
    try {
      const verdict = await this.#run.judge(item);
      this.#nanoUsd += verdict.cost_nano_usd;
      const isBusy = verdict.failure === "rate_limited";
      return { verdict, failure: verdict.failure ?? undefined, isBusy };
    } catch (error) {
      const failure = failureOf(error);
      if (failure !== undefined) return { verdict: null, ...failure };
      this.#why ??= error;
      this.#halt.abort();
      return undefined;
    }
  }

  #conclude({ verdict, failure }: Attempt): JudgeVerdict | null {
    if (failure !== undefined) this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1);
    return verdict;
  }

  #stopIfFruitless(): void {
    if (this.#done.size < fruitlessMax || this.#failed < this.#done.size) return;
    const names = [...this.#failures.keys()].join(", ");
    this.#why ??= new CommandFailed(`The first ${this.#done.size} all failed: ${names}.`);
    this.#halt.abort();
  }

  /** False if the run ended meanwhile. */
  async #wait(ms: number): Promise<boolean> {
    const { signal } = this.#halt;
    try {
      await delay(ms, undefined, { signal });
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      throw error;
    }
  }
}

interface Attempt {
  readonly verdict: JudgeVerdict | null;
  readonly failure: string | undefined;
  /** Whether the same may do better in a while. */
  readonly isBusy: boolean;
}

/** Undefined for what would fail each item in the same way: a request that is refused, a gateway that is not there. */
function failureOf(error: unknown): { failure: string; isBusy: boolean } | undefined {
  if (!(error instanceof CommandFailed)) return undefined;
  const { status = 0, cause } = error;
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return { failure: "timeout", isBusy: false };
  }
  const isBusy = status === 429 || status === 503;
  const isTooLong = status === 413;
  return isBusy || isTooLong || status >= 500
    ? { failure: `gateway_${status}`, isBusy }
    : undefined;
}
