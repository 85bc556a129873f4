import type { BatchSource } from "./feeder-batches.ts";
import { isBefore, journalStart } from "./feeder-positions.ts";
import type { JournalPosition } from "./journal-line.ts";

/** What a store has lost: what it acknowledged after an instant, or all it ever did. */
export type Since = { readonly epochMs: number } | "all";

/** How exactly, and how far back, it is known when a store was where. */
const historyStepMs = 1_000;
const historyMax = 900;

/** Where one store is in one writer's journal. */
export class Track {
  readonly source: BatchSource;
  readonly #now: () => number;
  #place: JournalPosition | undefined;
  /** Up to here nothing was found behind `place`. */
  #nothingUpTo: JournalPosition | undefined;
  #isThrough = false;
  /** `place` as it was at an instant, the oldest first. */
  #history: { readonly epochMs: number; readonly place: JournalPosition }[] = [];

  constructor(source: BatchSource, now: () => number) {
    this.source = source;
    this.#now = now;
  }

  /** Whether the store was asked where it is. */
  get isPlaced(): boolean {
    return this.#place !== undefined;
  }

  get place(): JournalPosition {
    return this.#place ?? journalStart;
  }

  get hasMore(): boolean {
    if (this.#place === undefined) return true;
    const { isEnded, readable } = this.source;
    if (isEnded) return !this.#isThrough;
    if (readable === undefined || !isBefore(this.#place, readable)) return false;
    return this.#nothingUpTo === undefined || isBefore(this.#nothingUpTo, readable);
  }

  /** Whether it has come to where the writer was; to the end, of one that has ended. */
  reaches(target: JournalPosition | undefined): boolean {
    if (this.source.isEnded) return this.#isThrough;
    if (target === undefined) return true;
    if (this.#place === undefined) return false;
    const searched = this.#nothingUpTo ?? this.#place;
    return !isBefore(this.#place, target) || !isBefore(searched, target);
  }

  begin(mark: JournalPosition | undefined): void {
    this.#place = mark ?? journalStart;
    this.#history = [{ epochMs: this.#now(), place: this.#place }];
  }

  advance(place: JournalPosition): void {
    this.#place = place;
    this.#remember(place);
  }

  /** There was nothing more that is complete: the place stays, before what may be half a line. */
  finish(readTo: JournalPosition): void {
    this.#nothingUpTo = readTo;
    if (this.source.isEnded) this.#isThrough = true;
  }

  /**
   * Back to where it was at that instant, or before: lines may come twice, and none may be left out. Of what was
   * acknowledged to a process before this one nobody knows when, so all of it comes again.
   */
  goBack(since: Since): void {
    const known =
      since === "all"
        ? undefined
        : this.#history.findLast(({ epochMs }) => epochMs < since.epochMs);
    const place = known?.place ?? journalStart;
    if (isBefore(place, this.place)) this.begin(place);
    this.#nothingUpTo = undefined;
    this.#isThrough = false;
  }

  #remember(place: JournalPosition): void {
    const epochMs = this.#now();
    const last = this.#history.at(-1);
    if (last !== undefined && epochMs - last.epochMs < historyStepMs) return;
    this.#history.push({ epochMs, place });
    if (this.#history.length > historyMax) this.#history.shift();
  }
}
