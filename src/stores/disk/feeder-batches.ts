import { isBefore, journalStart, positionText } from "./feeder-positions.ts";
import { parseLine } from "./journal-line.ts";
import type { JournalLine, JournalPosition } from "./journal-line.ts";
import { readLineBlocks } from "./read-lines.ts";
import type { ReadLine } from "./read-lines.ts";

/** A store takes so much at once: a transaction of this size is cheap for each line and over in milliseconds. */
export const batchLinesMax = 250;
/** A single line that is longer is a batch by itself. */
export const batchBytesMax = 2 * 1024 * 1024;
/** So many batches of a writer are kept for stores that are a little behind the first; others read again. */
const batchesKept = 4;

export interface SourceBatch {
  readonly lines: readonly JournalLine[];
  /** What each line was read from. */
  readonly texts: readonly string[];
  /** After the last line that was read, torn ones included. */
  readonly end: JournalPosition;
  readonly isFull: boolean;
}

/** Nothing complete follows the place; looked for up to `readTo`. */
export interface NoBatch {
  readonly lines: undefined;
  readonly readTo: JournalPosition;
}

export interface TornLine {
  readonly writer: string;
  readonly position: JournalPosition;
  readonly text: string;
  readonly reason: "cut short" | "changed";
}

/**
 * The batches of one writer's journal. Stores that are at the same place get the same batch, which is read and
 * parsed once.
 */
export class BatchSource {
  readonly writer: string;
  /** Up to where it may be read; of an ended writer, everything that is there. */
  readable: JournalPosition | undefined;
  /** Its process is gone: nothing will be added. */
  readonly isEnded: boolean;
  readonly #dataDir: string;
  readonly #onTorn: (line: TornLine) => void;
  readonly #batches = new Map<string, Promise<SourceBatch | NoBatch>>();
  /** Lines of the block that was read last, which were too many for its batch. */
  #ahead: { readonly from: string; readonly lines: readonly ReadLine[] } | undefined;

  constructor(options: {
    readonly dataDir: string;
    readonly writer: string;
    readonly isEnded: boolean;
    readonly onTorn: (line: TornLine) => void;
  }) {
    this.writer = options.writer;
    this.isEnded = options.isEnded;
    this.#dataDir = options.dataDir;
    this.#onTorn = options.onTorn;
  }

  /** What follows a place. */
  async batchAfter(place: JournalPosition): Promise<SourceBatch | NoBatch> {
    const key = positionText(place);
    const kept = this.#batches.get(key);
    if (kept !== undefined) return kept;
    const reading = this.#read(place, key);
    this.#batches.set(key, reading);
    for (const oldest of this.#batches.keys()) {
      if (this.#batches.size <= batchesKept) break;
      this.#batches.delete(oldest);
    }
    try {
      const batch = await reading;
      if (batch.lines === undefined) this.#forget(key, reading);
      return batch;
    } catch (error) {
      this.#forget(key, reading);
      throw error;
    }
  }

  /** Nobody waits for anything any more: a quiet gateway does not hold its last batches. */
  release(): void {
    this.#batches.clear();
    this.#ahead = undefined;
  }

  #forget(key: string, reading: Promise<unknown>): void {
    if (this.#batches.get(key) === reading) this.#batches.delete(key);
  }

  async #read(place: JournalPosition, key: string): Promise<SourceBatch | NoBatch> {
    const upTo = this.readable ?? journalStart;
    const batch = new GrowingBatch(this.writer, this.#onTorn);
    const ahead = this.#ahead?.from === key ? this.#ahead.lines : [];
    if (ahead.length > 0) this.#ahead = undefined;
    let rest = batch.add(ahead);
    if (rest.length === 0 && batch.hasRoom()) {
      const from = batch.end ?? place;
      for await (const block of this.#blocksAfter(from, upTo)) {
        rest = batch.add(block);
        if (!batch.hasRoom()) break;
      }
    }
    if (batch.end === undefined) return { lines: undefined, readTo: upTo };
    if (rest.length > 0) this.#ahead = { from: positionText(batch.end), lines: rest };
    return batch.whole(batch.end);
  }

  #blocksAfter(place: JournalPosition, upTo: JournalPosition): AsyncIterable<readonly ReadLine[]> {
    const { writer, isEnded } = this;
    return readLineBlocks({
      dataDir: this.#dataDir,
      writer,
      from: isBefore(journalStart, place) ? place : undefined,
      upTo: isEnded ? undefined : upTo,
      isEnded,
    });
  }
}

class GrowingBatch {
  readonly #writer: string;
  readonly #onTorn: (line: TornLine) => void;
  readonly #lines: JournalLine[] = [];
  readonly #texts: string[] = [];
  #characters = 0;
  #end: JournalPosition | undefined;

  constructor(writer: string, onTorn: (line: TornLine) => void) {
    this.#writer = writer;
    this.#onTorn = onTorn;
  }

  get end(): JournalPosition | undefined {
    return this.#end;
  }

  hasRoom(): boolean {
    return !this.#isFull();
  }

  #isFull(): boolean {
    return this.#lines.length >= batchLinesMax || this.#characters >= batchBytesMax;
  }

  /** Returns the lines for which there is no room. */
  add(read: readonly ReadLine[]): readonly ReadLine[] {
    for (const [index, { text, position, isTorn }] of read.entries()) {
      if (this.#isFull()) return read.slice(index);
      const line = isTorn ? undefined : parseLine(this.#writer, text);
      this.#end = position;
      if (line === undefined) {
        const reason = isTorn ? "cut short" : "changed";
        this.#onTorn({ writer: this.#writer, position, text, reason });
        continue;
      }
      this.#lines.push(line);
      this.#texts.push(text);
      this.#characters += text.length;
    }
    return [];
  }

  whole(end: JournalPosition): SourceBatch {
    return { lines: this.#lines, texts: this.#texts, end, isFull: this.#isFull() };
  }
}
