import type { Clock } from "../../../lib/clock.ts";
import { Lru } from "../../../lib/lru.ts";
import { within } from "./within.ts";

export interface LoadLimits {
  /** One that takes longer has failed. */
  readonly loadMs: number;
  /** How many may be under way for a request to begin another one. */
  readonly loadsAtOnceMax: number;
  readonly loadRestMs: number;
}

/** Failures that are remembered; at the bound the oldest may be tried again at once. */
const failuresMax = 10_000;

/** Something was not loaded a moment ago, so it was not tried again. */
export class RestsAfterFailure extends Error {
  override readonly name = "RestsAfterFailure";

  constructor(cause: unknown) {
    super("It could not be loaded a moment ago.", { cause });
  }
}

interface Failed {
  readonly untilTickMs: number;
  readonly cause: unknown;
}

/** Loads each thing once, however many want it; only so many at a time, and not again right after a failure. */
export class Loads {
  readonly #limits: LoadLimits;
  readonly #clock: Clock;
  readonly #running = new Map<string, Promise<void>>();
  readonly #failed = new Lru<string, Failed>(failuresMax);

  constructor(limits: LoadLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Begins in the background where there is room for it. Never throws. */
  want(key: string, load: () => Promise<void>): void {
    if (this.#running.size >= this.#limits.loadsAtOnceMax) return;
    this.join(key, load).catch(() => undefined); // Said by whoever loads; whoever wanted it just misses.
  }

  /** For those who are few enough themselves: resolves when it is loaded, by whomever. */
  join(key: string, load: () => Promise<void>): Promise<void> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const failed = this.#failed.get(key);
    if (failed !== undefined && this.#clock.tickMs() < failed.untilTickMs)
      return Promise.reject(new RestsAfterFailure(failed.cause));
    const begun = this.#run(key, load);
    this.#running.set(key, begun);
    return begun;
  }

  async #run(key: string, load: () => Promise<void>): Promise<void> {
    try {
      await within(this.#limits.loadMs, load);
      this.#failed.delete(key);
    } catch (cause) {
      const untilTickMs = this.#clock.tickMs() + this.#limits.loadRestMs;
      this.#failed.set(key, { untilTickMs, cause });
      throw cause;
    } finally {
      this.#running.delete(key);
    }
  }
}
