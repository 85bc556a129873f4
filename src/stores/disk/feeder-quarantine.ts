import { appendFile, mkdir, rename, stat } from "node:fs/promises";
import { join } from "node:path";

import { isErrorCode } from "./journal-files.ts";

/** Of one file; what it held before is kept beside it, once. */
const fileBytesMax = 8 * 1024 * 1024;
const textCharactersMax = 64 * 1024;
/** What may wait to be written; at the bound lines are counted and not kept. */
const waitingMax = 1_000;
/** Places of lines that were noted, so that a store that reads one again does not count it again. */
const notedMax = 10_000;

export interface QuarantinedLine {
  /** The store that refused it; `torn` for what nobody can read. */
  readonly from: string;
  readonly writer: string;
  /** Where it lies, for people; the same line is noted once for each `from`. */
  readonly place: string;
  readonly reason: string;
  readonly text: string;
}

/**
 * Lines that no store will ever have, in `<data>/journal-quarantine/<from>.log`, one JSON object a line, for
 * whoever has to find out what happened. Prompts and answers do not go there: nothing would delete them in time.
 */
export class Quarantine {
  readonly #folder: string;
  readonly #now: () => number;
  readonly #counts = new Map<string, number>();
  readonly #noted = new Set<string>();
  #waiting: QuarantinedLine[] = [];
  #writing: Promise<void> | undefined;
  #lost = 0;

  constructor(dataDir: string, now: () => number) {
    this.#folder = join(dataDir, "journal-quarantine");
    this.#now = now;
  }

  /** By store, and `torn`, since the start. */
  get counts(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#counts);
  }

  /** Counted, but kept nowhere: the disk did not take them, or too many came at once. */
  get lost(): number {
    return this.#lost;
  }

  /** Returns whether it is new. Never throws: that a note cannot be written must not stop what can be. */
  add(line: QuarantinedLine): boolean {
    const key = `${line.from} ${line.writer} ${line.place}`;
    if (this.#noted.has(key)) return false;
    this.#noted.add(key);
    for (const oldest of this.#noted) {
      if (this.#noted.size <= notedMax) break;
      this.#noted.delete(oldest);
    }
    this.#counts.set(line.from, (this.#counts.get(line.from) ?? 0) + 1);
    if (this.#waiting.length >= waitingMax) {
      this.#lost += 1;
      return true;
    }
    this.#waiting.push(line);
    this.#writing ??= this.#write();
    return true;
  }

  /** Resolves when all that was added is written, or given up. */
  async written(): Promise<void> {
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      const lines = this.#waiting;
      this.#waiting = [];
      for (const [from, texts] of this.#byFile(lines)) {
        try {
          await this.#append(from, texts);
        } catch {
          this.#lost += texts.length; // The disk is full or gone, which the journal itself reports.
        }
      }
    }
    this.#writing = undefined;
  }

  #byFile(lines: readonly QuarantinedLine[]): Map<string, string[]> {
    const at = new Date(this.#now()).toISOString();
    const files = new Map<string, string[]>();
    for (const { from, writer, place, reason, text } of lines) {
      const note = { at, writer, place, reason, characters: text.length, text: keptText(text) };
      files.set(from, [...(files.get(from) ?? []), `${JSON.stringify(note)}\n`]);
    }
    return files;
  }

  async #append(from: string, texts: readonly string[]): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const name = from.replaceAll(/[^\w-]/g, "_");
    const path = join(this.#folder, `${name}.log`);
    if ((await sizeOf(path)) >= fileBytesMax) {
      await rename(path, join(this.#folder, `${name}.before.log`));
    }
    await appendFile(path, texts.join(""), { mode: 0o600 });
  }
}

/** Only what begins as a line without a prompt in it. */
function keptText(text: string): string | undefined {
  return /^[\da-f]{8}\t[src]\t/.test(text) ? text.slice(0, textCharactersMax) : undefined;
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (error) {
    if (isErrorCode(error, "ENOENT")) return 0;
    throw error;
  }
}
