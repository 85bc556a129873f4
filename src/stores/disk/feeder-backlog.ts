import { batchLinesMax } from "./feeder-batches.ts";
import { parseLine } from "./journal-line.ts";
import type { JournalLine } from "./journal-line.ts";

/** At the bound the oldest are dropped here and counted: the journal still has them, for when the disk takes them. */
const backlogCharactersMax = 32 * 1024 * 1024;

export interface UnwrittenBatch {
  /** From 1, without a gap. */
  readonly number: number;
  readonly writer: string;
  readonly lines: readonly JournalLine[];
  readonly texts: readonly string[];
  readonly characters: number;
}

/** Lines that the disk could not take, in memory, until every store has had them. */
export class Backlog {
  readonly #batches: UnwrittenBatch[] = [];
  #last = 0;
  #characters = 0;
  #dropped = 0;

  /** The number of the batch that came last; 0: none did. */
  get last(): number {
    return this.#last;
  }

  /** Lines that went before every store had them. */
  get dropped(): number {
    return this.#dropped;
  }

  add(writer: string, texts: readonly string[]): void {
    for (let start = 0; start < texts.length; start += batchLinesMax) {
      this.#add(writer, texts.slice(start, start + batchLinesMax));
    }
    while (this.#characters > backlogCharactersMax && this.#batches.length > 1) {
      this.#dropped += this.#shift();
    }
  }

  /** The first that is still there after the one with this number. */
  after(number: number): UnwrittenBatch | undefined {
    const first = this.#batches[0];
    return first && this.#batches[Math.max(0, number + 1 - first.number)];
  }

  /** Every store has these. */
  release(upTo: number): void {
    while ((this.#batches[0]?.number ?? Infinity) <= upTo) this.#shift();
  }

  #add(writer: string, given: readonly string[]): void {
    // With or without its line feed, and perhaps after one that keeps it apart from a torn line.
    const texts = given.map((text) => text.replaceAll("\n", ""));
    const parsed = texts.flatMap((text) => {
      const line = parseLine(writer, text);
      return line === undefined ? [] : [{ line, text }];
    });
    const characters = texts.reduce((sum, text) => sum + text.length, 0);
    this.#characters += characters;
    this.#batches.push({
      number: ++this.#last,
      writer,
      lines: parsed.map(({ line }) => line),
      texts: parsed.map(({ text }) => text),
      characters,
    });
  }

  #shift(): number {
    const gone = this.#batches.shift();
    this.#characters -= gone?.characters ?? 0;
    return gone?.lines.length ?? 0;
  }
}
