import type { Clock } from "../lib/clock.ts";

/** A key that the provider refused is left out for this long, then tried again: it may have been topped up. */
const refusedMs = 60_000;

/** The keys of one provider, used in turn. A refused one rests while there are others. */
export class KeyRing {
  readonly #keys: readonly string[];
  readonly #clock: Clock;
  readonly #refusedUntilMs = new Map<string, number>();
  #turn = 0;

  constructor(keys: readonly string[], clock: Clock) {
    this.#keys = keys;
    this.#clock = clock;
  }

  /** The key for the next request; undefined for a provider that needs none. */
  next(): string | undefined {
    if (this.#keys.length <= 1) return this.#keys[0];
    const turn = this.#turn++;
    for (let step = 0; step < this.#keys.length; step++) {
      const key = this.#keys[(turn + step) % this.#keys.length];
      if (key !== undefined && !this.#isResting(key)) return key;
    }
    return this.#keys[turn % this.#keys.length];
  }

  noteRefused(key: string): void {
    this.#refusedUntilMs.set(key, this.#clock.tickMs() + refusedMs);
  }

  /** Whether another key may do better than the one just refused. */
  get hasOthers(): boolean {
    return this.#keys.some((key) => !this.#isResting(key));
  }

  #isResting(key: string): boolean {
    return (this.#refusedUntilMs.get(key) ?? 0) > this.#clock.tickMs();
  }
}
