import type { BatchSource, Started } from "../../../../src/pipeline/cache/flight.ts";

export interface Piece {
  readonly text: string;
  readonly isLast: boolean;
}

/** A call whose every step the test decides: when it begins, what comes, how it ends. */
export class ScriptedCall {
  readonly signal: AbortSignal;
  readonly begun: Promise<Started<string, Piece>>;
  readonly #begin = Promise.withResolvers<Started<string, Piece>>();
  #wanted: PromiseWithResolvers<Piece> | undefined;
  /** What it gave. */
  readonly given: string[] = [];
  #failure: { readonly reason: unknown } | undefined;
  hasBegun = false;
  isOver = false;
  isCancelled = false;

  constructor(signal: AbortSignal) {
    this.signal = signal;
    this.begun = this.#begin.promise;
  }

  /** Somebody waits for its next piece. */
  get isAsked(): boolean {
    return this.#wanted !== undefined;
  }

  begin(head: string, hasBatches = true): void {
    this.hasBegun = true;
    this.isOver = !hasBatches;
    this.#begin.resolve({ head, source: hasBatches ? this.#source : undefined });
  }

  give(text: string, isLast = false): void {
    const wanted = this.#wanted;
    if (wanted === undefined) throw new Error("Nobody asked for it.");
    this.#wanted = undefined;
    this.given.push(text);
    this.isOver = isLast;
    wanted.resolve({ text, isLast });
  }

  fail(reason: unknown): void {
    this.isOver = true;
    this.#failure = { reason };
    if (!this.hasBegun) this.#begin.reject(reason);
    this.hasBegun = true;
    this.#wanted?.reject(reason);
    this.#wanted = undefined;
  }

  readonly #source: BatchSource<Piece> = {
    next: () => {
      if (this.#wanted !== undefined) throw new Error("It was asked twice.");
      this.#wanted = Promise.withResolvers<Piece>();
      if (this.#failure !== undefined) this.#wanted.reject(this.#failure.reason);
      return this.#wanted.promise;
    },
    cancel: () => {
      this.isCancelled = true;
    },
  };
}

/** Lets everything that can go on go on: promises settle in far fewer turns. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
