import type { JournalPosition } from "./journal-line.ts";

/** How far a sink is behind what this process has journalled. */
export interface SinkLag {
  readonly sink: string;
  /** Of the journal, of all writers that are this process's to feed. */
  readonly bytes: number;
  /** Of this process's own journal; as of some 100 ms ago. */
  readonly lines: number;
}

interface Point extends JournalPosition {
  /** So many lines had been written up to here. */
  readonly lines: number;
}

/** At the bound every second point is dropped: the figure becomes coarser, never wrong by more than the gap. */
const pointsMax = 4_096;
const noteEveryMs = 100;

/** Which place of the journal is which line, so that a sink's place says how many lines it has not got. */
export class LinePlaces {
  #points: Point[] = [];
  #notedAtMs = Number.NEGATIVE_INFINITY;

  /** Called with every write, once per turn of the event loop; keeps one place in a while. */
  note(place: JournalPosition, lines: number, nowTickMs: number): void {
    if (nowTickMs - this.#notedAtMs < noteEveryMs) return;
    this.#notedAtMs = nowTickMs;
    this.#points.push({ ...place, lines });
    if (this.#points.length > pointsMax)
      this.#points = this.#points.filter((_, at) => at % 2 === 1);
  }

  /** Lines between where a sink is and the end; of `undefined`, a sink that has taken nothing, all. */
  linesAfter(taken: JournalPosition | undefined, end: Point): number {
    if (taken === undefined) return end.lines;
    if (!isBefore(taken, end)) return 0;
    const before = this.#points.findLast((point) => !isBefore(taken, point));
    return end.lines - (before?.lines ?? 0);
  }
}

const isBefore = (left: JournalPosition, right: JournalPosition): boolean =>
  left.segment < right.segment || (left.segment === right.segment && left.offset < right.offset);
