/** Tells of a failure once for each time that something stops working, however often it then fails. */
export class Faults {
  readonly #onError: (error: unknown) => void;
  readonly #failing = new Set<FaultyPart>();

  constructor(onError: (error: unknown) => void) {
    this.#onError = onError;
  }

  failed(part: FaultyPart, error: unknown): void {
    if (this.#failing.has(part)) return;
    this.#failing.add(part);
    this.#onError(error);
  }

  worked(part: FaultyPart): void {
    this.#failing.delete(part);
  }
}

export type FaultyPart = "load" | "answer" | "keep" | "policy" | "check";
