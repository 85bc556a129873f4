/** A look that comes later than this was late because the process was busy, or had no processor. */
const lookMsMax = 12;

/** The looks are to come at least so often. */
export const lookEveryMs = 10;

/**
 * Counts milliseconds in which this process could have read an answer. What it spends on other work, or without a
 * processor, is nobody's silence.
 */
export class AwakeClock {
  #awakeMs = 0;
  #lookedAtMs = performance.now();

  /** Looks begin, after a time without any. */
  start(): void {
    this.#lookedAtMs = performance.now();
  }

  look(): void {
    this.#awakeMs = this.now();
    this.#lookedAtMs = performance.now();
  }

  now(): number {
    return this.#awakeMs + Math.min(performance.now() - this.#lookedAtMs, lookMsMax);
  }
}
