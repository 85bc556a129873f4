import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import type { JournalLine, JournalPosition } from "./journal-line.ts";

/**
 * A store that is fed from the journal. Lines come in the order of each writer, and may come again, in any
 * order and after any loss: exactly once comes from idempotence by the records' ids.
 */
export interface JournalSink extends AsyncDisposable {
  readonly name: string;
  /** How far it is in a writer's journal; undefined: at its beginning. May lag, and never runs ahead. */
  mark(writer: string): Promise<JournalPosition | undefined>;
  /** When it resolves, the lines are as safe there as the store makes anything, and `mark` is its mark. */
  take(batch: JournalBatch): Promise<TakenBatch>;
  /** Says that it has lost what it had acknowledged since an instant, or everything: what the journal has is fed again. */
  onRewind(rewind: (since: { readonly epochMs: number } | "all") => void): void;
}

/**
 * The one sink that the journal does not wait for without end: what is to be judged must not take the room of what is
 * to be accounted for (`kept-segments.ts`).
 */
export const jobsSinkName = "jobs";

export interface JournalBatch {
  readonly writer: string;
  readonly lines: readonly JournalLine[];
  /** Undefined for lines that the disk could not take so far: they will come again. */
  readonly mark: JournalPosition | undefined;
}

export interface TakenBatch {
  /** How many records were new there. */
  readonly added: number;
  /** What the budgets that the batch touched have come to. */
  readonly spent: readonly BudgetSpent[];
  /** Lines that it can never take, with the reason: they are quarantined and counted. */
  readonly refused: readonly { readonly line: JournalLine; readonly reason: string }[];
}
