import type { Subject } from "../../pipeline/judge/calibration/anchor.ts";

/**
 * What a file asks of whoever judges it: which of two outputs is better, whether two answers say the same, or how
 * good one answer is.
 */
export type FileKind = "pair" | "equivalence" | "answer";

/** One line of a file: a text, what humans said of it, and what others did that were recorded. */
export interface LabelledItem {
  readonly kind: FileKind;
  /** As the file numbers it, or empty. What stands before `#` are the groups that it is in. */
  readonly id: string;
  readonly subject: Subject;
  /** At least one of the two is not null. */
  readonly humanLabel: string | null;
  readonly humanScore: number | null;
  readonly recorded: ReadonlyMap<string, Recorded>;
}

/** A verdict that somebody came to before. */
export interface Recorded {
  readonly label: string | null;
  readonly score: number | null;
  /** In the other order, as a label of the order as given. */
  readonly labelSwapped: string | null;
}
