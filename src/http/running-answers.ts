import type { Server, ServerResponse } from "node:http";

/** The answers that are not over yet, of every route and listener: what shutting down waits for. */
export class RunningAnswers {
  readonly #running = new Set<ServerResponse>();
  #isLast = false;
  #none: PromiseWithResolvers<void> | undefined;

  /** Notes a server's answers from now on. */
  watch(server: Server): void {
    server.prependListener("request", (_incoming, outgoing) => {
      this.#running.add(outgoing);
      if (this.#isLast) outgoing.shouldKeepAlive = false;
      outgoing.once("close", () => {
        this.#forget(outgoing);
      });
    });
  }

  /** From now on no connection is kept for another request, as far as its client can still be told. */
  startDraining(): void {
    this.#isLast = true;
    for (const outgoing of this.#running) outgoing.shouldKeepAlive = false;
  }

  /** Resolves when there is none. */
  whenNone(): Promise<void> {
    if (this.#running.size === 0) return Promise.resolve();
    this.#none ??= Promise.withResolvers();
    return this.#none.promise;
  }

  #forget(outgoing: ServerResponse): void {
    this.#running.delete(outgoing);
    if (this.#running.size > 0) return;
    this.#none?.resolve();
    this.#none = undefined;
  }
}
