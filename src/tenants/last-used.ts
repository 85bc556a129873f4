import type { KeyFinder, KeyUse } from "./tenant-store.ts";

/** At the bound a use is not noted; the key's next use tries again. */
export const waitingUsesMax = 10_000;

/** Uses are written together, this long after the first of them. */
const gatherMs = 5_000;

/** Writes down in the background on which day each key was last used. A day that is lost costs nothing. */
export class LastUsed implements AsyncDisposable {
  readonly #store: Pick<KeyFinder, "touchLastUsedDay">;
  readonly #onError: (error: unknown) => void;
  readonly #waiting = new Map<string, KeyUse>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(
    store: Pick<KeyFinder, "touchLastUsedDay">,
    onError: (error: unknown) => void = () => undefined,
  ) {
    this.#store = store;
    this.#onError = onError;
  }

  /** Whether the use was taken in. */
  note(use: KeyUse): boolean {
    if (this.#waiting.size >= waitingUsesMax && !this.#waiting.has(use.keyId)) return false;
    this.#waiting.set(use.keyId, use);
    this.#timer ??= setTimeout(() => void this.flush(), gatherMs).unref();
    return true;
  }

  /** Writes what waits. What cannot be written waits for the next time. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.flush().then(() => clearTimeout(this.#timer));
  }

  async #write(): Promise<void> {
    const uses = [...this.#waiting.values()];
    if (uses.length === 0) return;
    this.#waiting.clear();
    try {
      await this.#store.touchLastUsedDay(uses);
    } catch (error) {
      this.#onError(error);
      for (const use of uses) if (!this.#waiting.has(use.keyId)) this.note(use);
    }
  }
}

const dayMs = 86_400_000;

/** Days since 1970-01-01, UTC. */
export function dayNumber(epochMs: number): number {
  return Math.floor(epochMs / dayMs);
}

/** The day as `2026-01-31`. */
export function dayText(day: number): string {
  return new Date(day * dayMs).toISOString().slice(0, "2026-01-31".length);
}
