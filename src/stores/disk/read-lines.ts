import { open } from "node:fs/promises";
import type { FileHandle } from "node:fs/promises";

import { isErrorCode, listSegments, segmentPath } from "./journal-files.ts";
import type { JournalPosition } from "./journal-line.ts";

/** A line of a journal, without its line feed, and the place right after it. */
export interface ReadLine {
  readonly text: string;
  readonly position: JournalPosition;
  /** Will never be whole: cut short for good, or longer than any line may be. `text` is its beginning. */
  readonly isTorn: boolean;
}

export interface LinesToRead {
  readonly dataDir: string;
  readonly writer: string;
  /** The place after the last line that is known; undefined: from the first segment that is still there. */
  readonly from?: JournalPosition | undefined;
  /** Nothing behind it is read. */
  readonly upTo?: JournalPosition | undefined;
  /** The writer writes no more: what its last segment ends with, without a line feed, is torn and is given too. */
  readonly isEnded?: boolean | undefined;
}

/** Two payloads of the largest size that can be set fit, with room for their escapes. */
const lineBytesMax = 64 * 1024 * 1024;
const blockBytes = 256 * 1024;
/** Of a line that is too long only so much is kept, for the quarantine. */
const tornBytesKept = 64 * 1024;
const lineFeed = 10;

/**
 * The complete, non-empty lines of one writer, in order, from one segment into the next; ends where there is
 * nothing more now. The last line of a writer that lives may be half written: it is left for the next time. Never
 * more than one line and one block are in memory.
 */
export async function* readLines(wanted: LinesToRead): AsyncGenerator<ReadLine, void> {
  for await (const lines of readLineBlocks(wanted)) yield* lines;
}

/** The same by blocks of the file: cheaper by far, where lines are many. */
export async function* readLineBlocks(wanted: LinesToRead): AsyncGenerator<ReadLine[], void> {
  const { dataDir, writer, upTo } = wanted;
  let place = wanted.from ?? { segment: 0, offset: 0 };
  for (;;) {
    const read = yield* readSegment(wanted, place);
    place = { segment: place.segment, offset: read };
    if (upTo !== undefined && place.segment >= upTo.segment) return;

    const segments = await listSegments(dataDir, writer);
    const next = segments.find((segment) => segment > place.segment);
    if (next === undefined) {
      if (wanted.isEnded === true) yield* readTornTail(wanted, place);
      return;
    }
    // A writer that has begun the next segment adds nothing to this one, but it may have since we read it.
    const rest = yield* readSegment(wanted, place);
    yield* readTornTail(wanted, { segment: place.segment, offset: rest });
    if (upTo !== undefined && next > upTo.segment) return;
    place = { segment: next, offset: 0 };
  }
}

/** Gives complete lines and returns the offset after the last of them. A segment that is gone has none. */
async function* readSegment(
  { dataDir, writer, upTo }: LinesToRead,
  { segment, offset }: JournalPosition,
): AsyncGenerator<ReadLine[], number> {
  const file = await openIfThere(segmentPath(dataDir, writer, segment));
  if (file === undefined) return offset;
  await using opened = file;
  const end = upTo?.segment === segment ? upTo.offset : Number.MAX_SAFE_INTEGER;
  const lines = lineCutter(segment, offset);
  for (;;) {
    const wantedBytes = Math.min(blockBytes, end - lines.readTo);
    if (wantedBytes <= 0) return lines.givenTo;
    const block = Buffer.allocUnsafe(wantedBytes);
    const { bytesRead } = await opened.read(block, 0, wantedBytes, lines.readTo);
    if (bytesRead === 0) return lines.givenTo;
    const whole = lines.cut(block.subarray(0, bytesRead));
    if (whole.length > 0) yield whole;
  }
}

/** What follows the last line feed of a segment, once it is certain that nothing will be added to it. */
async function* readTornTail(
  { dataDir, writer, upTo }: LinesToRead,
  { segment, offset }: JournalPosition,
): AsyncGenerator<ReadLine[], void> {
  if (upTo?.segment === segment) return;
  const file = await openIfThere(segmentPath(dataDir, writer, segment));
  if (file === undefined) return;
  await using opened = file;
  const { size } = await opened.stat();
  if (size <= offset) return;
  const block = Buffer.allocUnsafe(Math.min(size - offset, tornBytesKept));
  const { bytesRead } = await opened.read(block, 0, block.length, offset);
  const text = block.toString("utf8", 0, bytesRead);
  yield [{ text, position: { segment, offset: size }, isTorn: true }];
}

async function openIfThere(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

interface LineCutter {
  /** Up to where the file was read, and up to where its lines were given. */
  readonly readTo: number;
  readonly givenTo: number;
  cut(block: Buffer): ReadLine[];
}

/** Cuts one segment's bytes, as they come, into lines. */
function lineCutter(segment: number, offset: number): LineCutter {
  let readTo = offset;
  let givenTo = offset;
  let begun: Buffer[] = [];
  let begunBytes = 0;

  const keep = (piece: Buffer): void => {
    begunBytes += piece.length;
    // The beginning of one that is too long stays; what follows is only counted.
    if (begunBytes <= lineBytesMax) begun.push(piece);
    else if (begun.length > 1) begun = begun.slice(0, 1);
  };
  const finish = (piece: Buffer, position: JournalPosition): ReadLine | undefined => {
    const bytes = begunBytes + piece.length;
    const isTorn = bytes > lineBytesMax;
    if (!isTorn) begun.push(piece);
    const line = begun.length === 1 ? (begun[0] ?? piece) : Buffer.concat(begun);
    begun = [];
    begunBytes = 0;
    if (bytes === 0) return undefined;
    const text = line.toString("utf8", 0, isTorn ? tornBytesKept : line.length);
    return { text, position, isTorn };
  };

  return {
    get readTo() {
      return readTo;
    },
    get givenTo() {
      return givenTo;
    },
    cut(block) {
      const lines: ReadLine[] = [];
      let at = 0;
      for (;;) {
        const feedAt = block.indexOf(lineFeed, at);
        if (feedAt === -1) break;
        givenTo = readTo + feedAt + 1;
        const line = finish(block.subarray(at, feedAt), { segment, offset: givenTo });
        if (line !== undefined) lines.push(line);
        at = feedAt + 1;
      }
      if (at < block.length) keep(block.subarray(at));
      readTo += block.length;
      return lines;
    },
  };
}
