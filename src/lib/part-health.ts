import type { Clock } from "./clock.ts";

/** Whether one part works, and since when. */
export class PartHealth {
  readonly name: string;
  readonly #clock: Clock;
  #sinceEpochMs: number;
  #detail: string | undefined;

  constructor(name: string, clock: Clock) {
    this.name = name;
    this.#clock = clock;
    this.#sinceEpochMs = clock.epochMs();
  }

  get isDegraded(): boolean {
    return this.#detail !== undefined;
  }

  get sinceEpochMs(): number {
    return this.#sinceEpochMs;
  }

  /** What is wrong, in a sentence for the operator. */
  get detail(): string | undefined {
    return this.#detail;
  }

  noteOk(): void {
    if (this.#detail === undefined) return;
    this.#detail = undefined;
    this.#sinceEpochMs = this.#clock.epochMs();
  }

  noteFailure(detail: string): void {
    if (this.#detail === undefined) this.#sinceEpochMs = this.#clock.epochMs();
    this.#detail = detail;
  }

  /** The call as it is, noting whether it worked; `detail` is what is wrong if it does not. */
  async noting<Value>(call: Promise<Value>, detail: string): Promise<Value> {
    try {
      const value = await call;
      this.noteOk();
      return value;
    } catch (error) {
      this.noteFailure(detail);
      throw error;
    }
  }
}
