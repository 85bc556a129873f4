import { Failure } from "../errors.ts";

/** The calls of models that are running: how many may at once, and how they end when Sentinel does. */
export class Inflight {
  readonly #countMax: number;
  readonly #running = new Set<AbortController>();

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  get count(): number {
    return this.#running.size;
  }

  /** Takes a place. Throws `overloaded` when there is none. */
  enter(): AbortController {
    if (this.#running.size >= this.#countMax) {
      throw new Failure(
        "overloaded",
        `Sentinel is answering ${this.#countMax} requests, all that it takes at once. Try again shortly.`,
        { retryAfterMs: 1_000 },
      );
    }
    const controller = new AbortController();
    this.#running.add(controller);
    return controller;
  }

  leave(controller: AbortController): void {
    this.#running.delete(controller);
  }

  abortAll(reason: Failure): void {
    for (const controller of this.#running) controller.abort(reason);
  }
}
