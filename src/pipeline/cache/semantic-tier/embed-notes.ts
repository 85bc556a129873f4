import { toEmbedFailure, type EmbedFailureKind } from "../embedder.ts";
import { TookTooLong } from "./within.ts";

/** What texts could not be embedded for, for the operator. */
export class EmbedNotes {
  #failures = 0;
  #last: EmbedFailureKind | undefined;

  get failures(): number {
    return this.#failures;
  }

  /** Of the last text that got no vector; nothing is said of those after it. */
  get last(): EmbedFailureKind | undefined {
    return this.#last;
  }

  failed(thrown: unknown): void {
    this.#failures++;
    this.#last = thrown instanceof TookTooLong ? "timeout" : toEmbedFailure(thrown).kind;
  }
}
