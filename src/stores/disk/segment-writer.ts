import { closeSync, fstatSync, openSync, writeSync } from "node:fs";

import { segmentPath } from "./journal-files.ts";
import type { JournalPosition } from "./journal-line.ts";

/** A segment that is full is followed by the next. */
export const segmentBytesMax = 16 * 1024 * 1024;

/** A next segment that could not be begun is tried again after so many bytes more in the full one. */
const overrunBytes = 1024 * 1024;

/** What stands in memory for a line on its way to the file; longer ones get memory of their own. */
const scratchBytes = 64 * 1024;

export interface SegmentEnd {
  readonly segment: number;
  readonly bytes: number;
  /** Open: to be synced and closed by whoever hears of it. */
  readonly descriptor: number;
}

export interface SegmentWriterOptions {
  readonly dataDir: string;
  readonly writer: string;
  readonly bytesMax?: number | undefined;
  onSegmentEnd(end: SegmentEnd): void;
}

/** Appends lines to a writer's segments. Runs twice per request: 5 µs each, and never waits for a disk's sync. */
export class SegmentWriter {
  readonly #options: SegmentWriterOptions;
  readonly #bytesMax: number;
  readonly #scratch = Buffer.allocUnsafeSlow(scratchBytes);
  #descriptor: number;
  #segment = 1;
  #offset = 0;
  #nextSegmentAt: number;
  /** The file does not end with a line feed: what follows must begin with one. */
  #isLineOpen = false;
  #isClosed = false;
  #error: unknown;

  /** Throws where the first segment cannot be made. */
  constructor(options: SegmentWriterOptions) {
    this.#options = options;
    this.#bytesMax = options.bytesMax ?? segmentBytesMax;
    this.#nextSegmentAt = this.#bytesMax;
    this.#descriptor = this.#make(this.#segment);
  }

  get position(): JournalPosition {
    return { segment: this.#segment, offset: this.#offset };
  }

  get segment(): number {
    return this.#segment;
  }

  /** Bytes of the segment that is being written. */
  get offset(): number {
    return this.#offset;
  }

  get descriptor(): number {
    return this.#descriptor;
  }

  /** Why the last append that failed did. */
  get error(): unknown {
    return this.#error;
  }

  /** Whether the line, which ends with a line feed, is in the file now, all of it. Never throws. */
  append(line: string): boolean {
    if (this.#isClosed) return false;
    if (this.#offset >= this.#nextSegmentAt) this.#beginNext();
    const text = this.#isLineOpen ? `\n${line}` : line;
    if (text.length > scratchBytes / 3) return this.#write(Buffer.from(text));
    return this.#write(this.#scratch.subarray(0, this.#scratch.write(text)));
  }

  /** The caller closes the descriptor. */
  close(): void {
    this.#isClosed = true;
  }

  #write(bytes: Buffer): boolean {
    try {
      const written = writeSync(this.#descriptor, bytes);
      this.#offset += written;
      const isWhole = written === bytes.length;
      if (written > 0) this.#isLineOpen = !isWhole;
      if (!isWhole) this.#error = new Error("The disk took only a part of a line.");
      return isWhole;
    } catch (error) {
      this.#error = error;
      this.#recover(error);
      return false;
    }
  }

  /** Afterwards offset and file agree again, or another file is written to. */
  #recover(error: unknown): void {
    const code = error instanceof Error && "code" in error ? error.code : undefined;
    try {
      const { size } = fstatSync(this.#descriptor);
      if (size !== this.#offset) this.#isLineOpen = true;
      this.#offset = size;
    } catch {
      this.#isLineOpen = true; // Nothing is known of the file: a line feed too many does no harm.
    }
    const isRoomMissing = code === "ENOSPC" || code === "EDQUOT";
    // A file that is too large, or has gone bad, says nothing of the next; and an empty one is as good as the next.
    if (!isRoomMissing && this.#offset > 0) this.#nextSegmentAt = 0;
  }

  #beginNext(): void {
    const next = this.#segment + 1;
    let descriptor: number;
    try {
      descriptor = this.#make(next);
    } catch (error) {
      this.#error = error;
      // No room or no descriptors for another file: the full one can still take lines.
      this.#nextSegmentAt = this.#offset + overrunBytes;
      return;
    }
    const ended = {
      segment: this.#segment,
      bytes: this.#offset,
      descriptor: this.#descriptor,
    };
    this.#descriptor = descriptor;
    this.#segment = next;
    this.#offset = 0;
    this.#nextSegmentAt = this.#bytesMax;
    this.#isLineOpen = false;
    this.#options.onSegmentEnd(ended);
  }

  #make(segment: number): number {
    const { dataDir, writer } = this.#options;
    return openSync(segmentPath(dataDir, writer, segment), "ax", 0o600);
  }
}

/** Never throws: there is nothing to be done about it. */
export function closeQuietly(descriptor: number): void {
  try {
    closeSync(descriptor);
  } catch {
    // The system has let go of the descriptor all the same.
  }
}
