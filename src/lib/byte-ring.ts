export interface ByteRingOptions {
  readonly bytesMax: number;
  /** Of each entry. */
  readonly partCount: number;
  /** Hears of each entry that is about to go. Its parts can be read, and are empty where it was wiped. */
  readonly onDrop: (at: number) => void;
}

/** An entry begins with a mark, its size and the lengths of its parts. */
const markBytes = 8;
const lengthBytes = 4;

/**
 * The newest entries that fit into a fixed number of bytes: the oldest are written over. All of them are in one buffer, so
 * that texts that live for minutes cost the garbage collector nothing.
 */
export class ByteRing {
  readonly #options: ByteRingOptions;
  readonly #headBytes: number;
  /** Made with the first entry; the system gives it its pages as they are written. */
  #made: Buffer | undefined;
  #count = 0;
  #first = 0;
  #next = 0;
  /** Where the oldest entries end, if those that follow them are at the ring's beginning. */
  #turn: number | undefined;

  constructor(options: ByteRingOptions) {
    this.#options = options;
    this.#headBytes = markBytes + lengthBytes * (1 + options.partCount);
  }

  /** Where the oldest entry is. */
  get first(): number | undefined {
    return this.#count === 0 ? undefined : this.#first;
  }

  /** Where the entry is until it is dropped. Undefined: it is larger than the ring. */
  add(mark: number, parts: readonly (string | Buffer)[]): number | undefined {
    let size = this.#headBytes;
    for (const part of parts) size += Buffer.byteLength(part);
    if (size > this.#options.bytesMax) return undefined;
    const start = this.#makeRoom(size);
    const ring = this.#ring;
    ring.writeDoubleLE(mark, start);
    ring.writeUInt32LE(size, start + markBytes);
    let at = start + this.#headBytes;
    for (const [index, part] of parts.entries()) {
      const length = typeof part === "string" ? ring.write(part, at) : part.copy(ring, at);
      ring.writeUInt32LE(length, start + markBytes + lengthBytes * (1 + index));
      at += length;
    }
    this.#next = at;
    this.#count++;
    return start;
  }

  markAt(at: number): number {
    return this.#ring.readDoubleLE(at);
  }

  /** A view, whose bytes change with the ring. */
  partAt(at: number, index: number): Buffer {
    let start = at + this.#headBytes;
    for (let before = 0; before < index; before++) start += this.#lengthAt(at, before);
    return this.#ring.subarray(start, start + this.#lengthAt(at, index));
  }

  /** What it says is gone from memory; its place is free when it is the oldest. */
  wipe(at: number): void {
    const end = at + this.#sizeAt(at);
    this.#ring.fill(0, at + markBytes + lengthBytes, end);
  }

  dropFirst(): void {
    if (this.#count === 0) return;
    this.#options.onDrop(this.#first);
    const size = this.#sizeAt(this.#first);
    this.wipe(this.#first);
    this.#first += size;
    this.#count--;
    if (this.#first === this.#turn || this.#count === 0) {
      this.#first = 0;
      this.#turn = undefined;
    }
    if (this.#count === 0) this.#next = 0;
  }

  /** Where so many bytes can be written. The oldest entries are the next in the ring: to its end, and from its beginning. */
  #makeRoom(size: number): number {
    if (this.#next + size > this.#options.bytesMax) {
      const turn = this.#next;
      while (this.#count > 0 && this.#first >= turn) this.dropFirst();
      this.#turn = turn;
      this.#next = 0;
    }
    const from = this.#next;
    while (this.#count > 0 && this.#first >= from && this.#first < from + size) this.dropFirst();
    return this.#next;
  }

  get #ring(): Buffer {
    return (this.#made ??= Buffer.alloc(this.#options.bytesMax));
  }

  #sizeAt(at: number): number {
    return this.#ring.readUInt32LE(at + markBytes);
  }

  #lengthAt(at: number, index: number): number {
    return this.#ring.readUInt32LE(at + markBytes + lengthBytes * (1 + index));
  }
}
