/** Records are written together, this long after the first of them. */
const gatherMs = 250;
/** So long after a failure it is tried again. */
const tryAgainMs = 1_000;
/** At most so many are written at once. */
const batchMax = 500;
/** At the bound the oldest is dropped. */
export const waitingMax = 20_000;

/** Writes records down in the background, in batches and in order. What cannot be written waits, up to a bound. */
export class WriteBehind<Item> implements AsyncDisposable {
  readonly #write: (items: readonly Item[]) => Promise<void>;
  readonly #onError: (error: unknown) => void;
  /** What is not known to be written, in the order in which it came. */
  readonly #waiting = new Set<Item>();
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(write: (items: readonly Item[]) => Promise<void>, onError: (error: unknown) => void) {
    this.#write = write;
    this.#onError = onError;
  }

  get waiting(): Iterable<Item> {
    return this.#waiting;
  }

  add(item: Item): void {
    this.#waiting.add(item);
    if (this.#waiting.size > waitingMax) this.#dropOldest();
    this.#schedule();
  }

  /** Writes what waits. Never rejects. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#writing = this.#writing.then(() => this.#writeAll());
    return this.#writing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    const delayMs = this.#isFailing ? tryAgainMs : gatherMs;
    this.#timer ??= setTimeout(() => void this.flush(), delayMs).unref();
  }

  async #writeAll(): Promise<void> {
    try {
      while (this.#waiting.size > 0) {
        const batch = [...this.#waiting.values().take(batchMax)];
        await this.#write(batch);
        for (const item of batch) this.#waiting.delete(item);
        this.#isFailing = false;
      }
    } catch (error) {
      // Once for each time that it stops working, however long that lasts.
      if (!this.#isFailing) this.#onError(error);
      this.#isFailing = true;
      this.#schedule();
    }
  }

  #dropOldest(): void {
    for (const oldest of this.#waiting) {
      this.#waiting.delete(oldest);
      return;
    }
  }
}
