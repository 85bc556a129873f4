/**
 * Server-sent events, read from bytes as they come and kept as the bytes that they were.
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, read 2026-11-21)
 */

/** One block of a stream, up to and with its blank line. A block of comments alone has no data. */
export interface SseEvent {
  /** As it came, ready to be sent on. */
  readonly raw: Buffer;
  /** The `event` field, or "" where there is none. */
  readonly name: string;
  /** The `data` lines joined by line feeds; undefined for a block that is no event. */
  readonly data: string | undefined;
}

/** Beyond this an event is refused: no provider sends one, and it would be held in memory whole. */
export const eventBytesMax = 32 * 1024 * 1024;

export class EventTooLarge extends Error {
  override readonly name = "EventTooLarge";
}

const lineFeed = 10;
const carriageReturn = 13;

/**
 * Cuts a stream into its events, however the bytes were split. Each byte is looked at once. Runs for every
 * chunk of every stream; budget 1 µs for a chunk of 200 bytes.
 */
export class SseReader {
  #parts: Buffer[] = [];
  #bytesHeld = 0;
  #lineIsEmpty = true;
  #endedInReturn = false;
  #sawReturn = false;
  #linesInEvent = 0;
  #atStart = true;

  /** Takes the next bytes; returns the events that they complete. Throws `EventTooLarge`. */
  push(chunk: Buffer): SseEvent[] {
    const bytes = this.#atStart ? this.#withoutByteOrderMark(chunk) : chunk;
    const events: SseEvent[] = [];
    let start = this.#skipSecondHalf(bytes);
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at];
      if (byte !== lineFeed && byte !== carriageReturn) {
        this.#lineIsEmpty = false;
        continue;
      }
      if (byte === carriageReturn) {
        this.#sawReturn = true;
        if (bytes[at + 1] === lineFeed) at++;
        else this.#endedInReturn = at + 1 === bytes.length;
      }
      if (this.#lineIsEmpty) {
        const raw = this.#take(bytes.subarray(start, at + 1));
        events.push(this.#read(this.#endedInReturn ? withSecondHalf(raw) : raw));
        start = at + 1;
      } else this.#linesInEvent++;
      this.#lineIsEmpty = true;
    }
    if (start < bytes.length) this.#hold(start === 0 ? bytes : bytes.subarray(start));
    return events;
  }

  /** True while an event has begun and not ended: a stream that stops here was cut. */
  get isMidEvent(): boolean {
    return this.#bytesHeld > 0;
  }

  #read(raw: Buffer): SseEvent {
    const isOneLine = this.#linesInEvent === 1 && !this.#sawReturn;
    this.#linesInEvent = 0;
    return (isOneLine ? readOneDataLine(raw) : undefined) ?? readFields(raw);
  }

  /** A chunk may end between CR and LF. The CR has ended the line; where it ended an event, LF is in it already. */
  #skipSecondHalf(bytes: Buffer): number {
    if (!this.#endedInReturn || bytes.length === 0) return 0;
    this.#endedInReturn = false;
    if (bytes[0] !== lineFeed) return 0;
    if (this.#bytesHeld > 0) this.#hold(bytes.subarray(0, 1));
    return 1;
  }

  #hold(part: Buffer): void {
    this.#bytesHeld += part.length;
    if (this.#bytesHeld > eventBytesMax) throw new EventTooLarge();
    this.#parts.push(part);
  }

  #take(tail: Buffer): Buffer {
    if (this.#bytesHeld === 0) return tail;
    const whole = Buffer.concat([...this.#parts, tail]);
    this.#parts = [];
    this.#bytesHeld = 0;
    return whole;
  }

  #withoutByteOrderMark(chunk: Buffer): Buffer {
    if (chunk.length === 0) return chunk;
    // A mark that is split over two chunks is left in place: no provider sends one at all.
    this.#atStart = false;
    const hasMark = chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf;
    return hasMark ? chunk.subarray(3) : chunk;
  }
}

const lineFeedBytes = Buffer.of(lineFeed);

/**
 * An event that ended with its chunk, between CR and LF: it is sent on at once, with the LF that will come. Where
 * lines end in CR alone none will.
 */
function withSecondHalf(raw: Buffer): Buffer {
  return raw.at(-2) === lineFeed ? Buffer.concat([raw, lineFeedBytes]) : raw;
}

/** An event made here. `data` must hold no line break, as JSON text does not. */
export function makeEvent(data: string, name = ""): SseEvent {
  const head = name === "" ? "" : `event: ${name}\n`;
  return { raw: Buffer.from(`${head}data: ${data}\n\n`), name, data };
}

const space = 32;
const dataFieldLength = "data:".length;

/** What nearly all events are: `data: …`, a line feed, a blank line. Undefined for any other line. */
function readOneDataLine(raw: Buffer): SseEvent | undefined {
  const isData =
    raw[0] === 100 && raw[1] === 97 && raw[2] === 116 && raw[3] === 97 && raw[4] === 58;
  if (!isData) return undefined;
  const start = raw[dataFieldLength] === space ? dataFieldLength + 1 : dataFieldLength;
  return { raw, name: "", data: raw.toString("utf8", start, raw.length - 2) };
}

function readFields(raw: Buffer): SseEvent {
  let name = "";
  const data: string[] = [];
  for (const line of raw.toString("utf8").split(/\r\n|\r|\n/)) {
    const colon = line.indexOf(":");
    const field = colon === -1 ? line : line.slice(0, colon);
    const value = colon === -1 ? "" : line.slice(line[colon + 1] === " " ? colon + 2 : colon + 1);
    if (field === "data") data.push(value);
    else if (field === "event") name = value;
  }
  return { raw, name, data: data.length === 0 ? undefined : data.join("\n") };
}
