/**
 * Lets everyone through until one is told to wait: then the others stand behind it until it is through. A limit that is
 * reached is so for all of them, and would refuse each in turn.
 */
export class Turnstile {
  #last: Promise<undefined> | undefined;

  /** Resolves when nobody holds it. */
  async pass(): Promise<void> {
    while (this.#last !== undefined) await this.#last;
  }

  /** Does this alone: of several who want that one after the other, in the order in which they came. */
  async alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const before = this.#last;
    const { promise, resolve } = Promise.withResolvers<undefined>();
    this.#last = promise;
    try {
      await before;
      return await work();
    } finally {
      if (this.#last === promise) this.#last = undefined;
      resolve(undefined);
    }
  }
}
