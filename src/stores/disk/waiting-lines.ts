/** In the order of what is dropped first where there is no room. */
export type LineKind = "payload" | "job" | "start" | "record";

/** Which part of the memory each kind may fill: what matters more finds room when what matters less is full. */
const share: Readonly<Record<LineKind, number>> = {
  payload: 0.25,
  job: 0.4,
  start: 0.75,
  record: 1,
};

/** Requests are refused, where the operator wants that, while those that run can still be written down. */
const almostFull = 0.9;

/** What the disk did not take, in order, in bounded memory. */
export class WaitingLines {
  readonly #bytesMax: number;
  #lines: (string | undefined)[] = [];
  #first = 0;
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get count(): number {
    return this.#lines.length - this.#first;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isAlmostFull(): boolean {
    return this.#bytes >= this.#bytesMax * almostFull;
  }

  hasRoom(kind: LineKind, length: number): boolean {
    return this.#bytes + length * bytesPerUnit <= this.#bytesMax * share[kind];
  }

  push(line: string): void {
    this.#lines.push(line);
    this.#bytes += line.length * bytesPerUnit;
  }

  /** The oldest. */
  first(): string | undefined {
    return this.#lines[this.#first];
  }

  removeFirst(): void {
    const line = this.#lines[this.#first];
    if (line === undefined) return;
    this.#lines[this.#first++] = undefined;
    this.#bytes -= line.length * bytesPerUnit;
    if (this.#first < this.#lines.length && this.#first < compactAfter) return;
    this.#lines = this.#lines.slice(this.#first);
    this.#first = 0;
  }
}

/** A string with a single letter outside Latin-1 takes two bytes for each. */
const bytesPerUnit = 2;
const compactAfter = 1_024;
