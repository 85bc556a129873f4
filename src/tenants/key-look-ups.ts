import { Failure } from "../errors.ts";
import type { Clock } from "../lib/clock.ts";
import type { FoundKey, KeyFinder } from "./tenant-store.ts";

/** At the bound a look-up of another key rejects with `overloaded`. */
export const lookUpsMax = 500;

/** A store that takes longer is down. */
const lookUpMs = 1_000;
/** After a failure the store is left alone for so long; then one look-up tries. */
const pauseMs = 1_000;

/** Asks the store for keys: once at a time for each, a bounded number at once, and not while it is down. */
export class KeyLookUps {
  readonly #store: Pick<KeyFinder, "findKey">;
  readonly #clock: Pick<Clock, "tickMs">;
  readonly #running = new Map<string, Promise<FoundKey | undefined>>();
  #isFailing = false;
  #downUntilTickMs = 0;

  constructor(store: Pick<KeyFinder, "findKey">, clock: Pick<Clock, "tickMs">) {
    this.#store = store;
    this.#clock = clock;
  }

  /** Whether a look-up would reject at once because the last one failed a moment ago. */
  isPaused(nowTickMs: number): boolean {
    return nowTickMs < this.#downUntilTickMs;
  }

  isRunning(hash: string): boolean {
    return this.#running.has(hash);
  }

  /** Rejects with `store_unavailable` or `overloaded`. */
  find(hash: string, nowTickMs: number): Promise<FoundKey | undefined> {
    const running = this.#running.get(hash);
    if (running !== undefined) return running;
    if (this.isPaused(nowTickMs)) return Promise.reject(storeUnavailable());
    if (this.#running.size >= lookUpsMax) return Promise.reject(tooManyLookUps());
    if (this.#isFailing) this.#downUntilTickMs = nowTickMs + pauseMs;

    const lookUp = this.#ask(hash).finally(() => {
      if (this.#running.get(hash) === lookUp) this.#running.delete(hash);
    });
    this.#running.set(hash, lookUp);
    return lookUp;
  }

  /** Lets go of the look-ups under way: whoever comes from now on is not answered with what was before. */
  startAfresh(): void {
    this.#running.clear();
  }

  async #ask(hash: string): Promise<FoundKey | undefined> {
    try {
      const found = await within(this.#store.findKey(hash), lookUpMs);
      if (found === "late") throw new Error(`The tenant store took longer than ${lookUpMs} ms.`);
      this.#isFailing = false;
      this.#downUntilTickMs = 0;
      return found;
    } catch (cause) {
      this.#isFailing = true;
      this.#downUntilTickMs = this.#clock.tickMs() + pauseMs;
      throw storeUnavailable(cause);
    }
  }
}

/** What `promise` resolves to, or `late`. */
export async function within<Value>(promise: Promise<Value>, ms: number): Promise<Value | "late"> {
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => {
    // What came while this process was busy is read first.
    setImmediate(resolve, "late" as const);
  }, ms);
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function storeUnavailable(cause?: unknown): Failure {
  const message =
    "Sentinel cannot look up API keys right now. Yours may be fine: try again shortly.";
  return new Failure("store_unavailable", message, { cause, retryAfterMs: pauseMs });
}

function tooManyLookUps(): Failure {
  const message = "Too many new API keys are being looked up at once. Try again shortly.";
  return new Failure("overloaded", message, { retryAfterMs: pauseMs });
}
