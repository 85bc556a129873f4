import { setImmediate as nextTurn } from "node:timers/promises";

import type { WantedRow } from "./protocol.ts";
import { KnownKeys } from "./known-keys.ts";

/** So many rows are read at a time: look-ups get their turn in between. */
const rowsAtOnce = 1_000;
const keysMin = 16_384;

export interface CountedRow extends WantedRow {
  readonly id: number;
}

export interface CountedFile {
  /** The newest row there is, or was. */
  readonly lastRowId: number;
  /** Up to `limit` rows behind that one, in their order. */
  rowsAfter(id: number, limit: number): readonly CountedRow[];
}

export interface KeyCensusOptions {
  /** Does something with the file; throws where there is none. */
  readonly use: <Result>(work: (file: CountedFile) => Result) => Result;
  /** Undefined: nothing is known of the keys, and every look-up must come here. */
  readonly publish: (memory: SharedArrayBuffer | undefined) => void;
}

/**
 * Keeps account of the keys that the thread's file has, and publishes it. Begun after something was done with the file,
 * done in pieces, and done again with more room when so many were added that it says "maybe" too often.
 */
export class KeyCensus {
  readonly #options: KeyCensusOptions;
  /** Has every key of the file. */
  #known: KnownKeys | undefined;
  /** Will have them. */
  #next: KnownKeys | undefined;
  /** It is made anew when so many more were added. */
  #room = 0;
  #isPublished = false;

  constructor(options: KeyCensusOptions) {
    this.#options = options;
  }

  /** To be told of every row, before anybody hears that it is written. */
  add(rows: readonly WantedRow[]): void {
    for (const { tenantId, key } of rows) {
      this.#known?.add(tenantId, key);
      this.#next?.add(tenantId, key);
    }
    this.#room -= rows.length;
  }

  /** Another file is there now, or somebody else writes to it. */
  forget(): void {
    this.withhold();
    this.#known = undefined;
    this.#next = undefined;
  }

  /** The file cannot be used at the moment, which every look-up is to notice. */
  withhold(): void {
    if (this.#isPublished) this.#options.publish(undefined);
    this.#isPublished = false;
  }

  /** After something was done with the file. */
  settle(): void {
    if (this.#known !== undefined && !this.#isPublished) this.#publish(this.#known);
    if (this.#next !== undefined) return;
    if (this.#known === undefined || this.#room <= 0) void this.#count();
  }

  /** What fails here fails whoever uses the file as well, and is begun again after the next who does not. */
  async #count(): Promise<void> {
    const { use } = this.#options;
    let next: KnownKeys | undefined;
    try {
      const [first] = use((file) => file.rowsAfter(0, 1));
      const count = first === undefined ? 0 : use((file) => file.lastRowId) - first.id + 1;
      next = KnownKeys.withRoomFor(Math.max(keysMin, count * 2));
      this.#next = next;
      this.#room = Math.max(keysMin, count);
      for (let id = 0; ;) {
        const rows = use((file) => file.rowsAfter(id, rowsAtOnce));
        if (this.#next !== next) return;
        for (const { tenantId, key } of rows) next.add(tenantId, key);
        id = rows.at(-1)?.id ?? id;
        if (rows.length < rowsAtOnce) break;
        await nextTurn();
      }
      this.#next = undefined;
      this.#publish(next);
    } catch {
      if (this.#next === next) this.#next = undefined;
    }
  }

  #publish(known: KnownKeys): void {
    this.#known = known;
    this.#isPublished = true;
    this.#options.publish(known.memory);
  }
}
