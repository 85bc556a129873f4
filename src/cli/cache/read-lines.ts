/** A line of a file, without what ends it; or what is wrong with it. Numbers begin at 1. */
export type Line =
  | { readonly number: number; readonly text: string }
  | { readonly number: number; readonly fault: LineFault };

type LineFault = keyof typeof lineFaults;

/** As the ends of sentences about the line. */
export const lineFaults = {
  too_long: "is longer than the gateway takes",
  not_utf8: "is not UTF-8 text",
} as const;

const lineFeed = 10;
const carriageReturn = 13;

/** Cuts bytes into lines as they come. A line that is too long is skipped without being held. */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  lineBytesMax: number,
): AsyncGenerator<Line, void, undefined> {
  const pending = new PendingLine(lineBytesMax);
  for await (const chunk of chunks) {
    let start = 0;
    for (;;) {
      const end = chunk.indexOf(lineFeed, start);
      if (end === -1) break;
      pending.add(chunk.subarray(start, end));
      yield pending.take();
      start = end + 1;
    }
    pending.add(chunk.subarray(start));
  }
  if (pending.hasAny) yield pending.take();
}

class PendingLine {
  readonly #bytesMax: number;
  readonly #decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  #parts: Uint8Array[] = [];
  #bytes = 0;
  #number = 1;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get hasAny(): boolean {
    return this.#bytes > 0;
  }

  add(part: Uint8Array): void {
    this.#bytes += part.length;
    if (this.#bytes > this.#bytesMax) this.#parts = [];
    else if (part.length > 0) this.#parts.push(part);
  }

  take(): Line {
    const number = this.#number++;
    const isTooLong = this.#bytes > this.#bytesMax;
    const bytes = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#bytes = 0;
    if (isTooLong) return { number, fault: "too_long" };
    try {
      const text = this.#decoder.decode(withoutReturn(bytes));
      return { number, text: number === 1 ? text.replace(/^\ufeff/, "") : text };
    } catch {
      return { number, fault: "not_utf8" }; // The decoder has nothing else to throw.
    }
  }
}

const withoutReturn = (bytes: Buffer): Buffer =>
  bytes.at(-1) === carriageReturn ? bytes.subarray(0, -1) : bytes;
