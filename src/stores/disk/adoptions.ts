import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

import { decodeTime, isValid } from "ulid";

import type { Clock } from "../../lib/clock.ts";
import { keepHead, lastHead } from "./chain-head.ts";
import type { JournalEvent } from "./disk-journal.ts";
import type { DiskSync } from "./disk-sync.ts";
import { lockOwnership } from "./file-lock.ts";
import type { FileLock } from "./file-lock.ts";
import { interruptedEntry } from "./interrupted-entry.ts";
import { isErrorCode, listSegments, listWriters } from "./journal-files.ts";
import { segmentPath, writerFolder } from "./journal-files.ts";
import type { JournalWriter } from "./journal-writer.ts";
import type { KeptSegments } from "./kept-segments.ts";
import { isFinished, noteAdopter, noteFinished, readLeftovers } from "./unfinished-starts.ts";

export interface AdoptionsOptions {
  readonly dataDir: string;
  readonly writer: string;
  readonly clock: Clock;
  readonly journal: JournalWriter;
  readonly sync: DiskSync;
  readonly kept: KeptSegments;
  readonly onEvent: (event: JournalEvent) => void;
}

interface Adopted {
  readonly lock: FileLock;
  /** All its requests have a record that is on disk. */
  isFinished: boolean;
  /** There was no room for some: the next process that adopts it writes them. */
  isIncomplete: boolean;
}

/** A folder so young and without a segment may be that of a process which is starting. */
const startingMs = 60_000;
/** The event loop has a turn after so many records. */
const recordsPerTurn = 200;

/** A writer's lock. Who holds it owns its journal: the writer as long as it lives, then whoever adopts it. */
export function writerLockPath(dataDir: string, writer: string): string {
  return join(writerFolder(dataDir, writer), "lock");
}

/** The journals of dead writers that this process has taken over. */
export class Adoptions implements Disposable {
  readonly #options: AdoptionsOptions;
  readonly #adopted = new Map<string, Adopted>();

  constructor(options: AdoptionsOptions) {
    this.#options = options;
  }

  /** The oldest first. */
  get writers(): readonly string[] {
    return [...this.#adopted.keys()].sort();
  }

  /** Takes over whom nobody owns. Never rejects. */
  async adoptDead(): Promise<readonly string[]> {
    const { dataDir, writer: own } = this.#options;
    const taken: string[] = [];
    try {
      for (const writer of await listWriters(dataDir)) {
        if (writer === own || this.#adopted.has(writer)) continue;
        if (await this.#adopt(writer)) taken.push(writer);
      }
    } catch (error) {
      this.#tellFailed(error);
    }
    return taken;
  }

  /** Whether a dead writer's requests are all written down, so that its journal need not be kept for them. */
  async finish(writer: string): Promise<boolean> {
    const adopted = this.#adopted.get(writer);
    if (adopted === undefined) return false;
    const { dataDir, journal, sync } = this.#options;
    if (adopted.isFinished) return true;
    if (adopted.isIncomplete || journal.linesWaiting > 0) return false;
    await sync.flush();
    await noteFinished(dataDir, writer);
    adopted.isFinished = true;
    return true;
  }

  /** Of a writer whose segments are all gone. */
  async deleteFolder(writer: string): Promise<void> {
    await rm(writerFolder(this.#options.dataDir, writer), { recursive: true, force: true });
    this.#adopted.get(writer)?.lock.release();
    this.#adopted.delete(writer);
    this.#options.kept.forget(writer);
  }

  [Symbol.dispose](): void {
    for (const { lock } of this.#adopted.values()) lock.release();
    this.#adopted.clear();
  }

  async #adopt(writer: string): Promise<boolean> {
    const { dataDir } = this.#options;
    let lock: FileLock | undefined;
    try {
      lock = await lockOwnership(writerLockPath(dataDir, writer));
      if (lock === undefined) return false;
      const isTaken = await this.#take(writer, lock);
      if (!isTaken) lock.release();
      return isTaken;
    } catch (error) {
      lock?.release();
      this.#adopted.delete(writer);
      this.#options.kept.forget(writer);
      // Somebody else has finished with it and deleted it.
      if (!isErrorCode(error, "ENOENT")) this.#tellFailed(error);
      return false;
    }
  }

  async #take(writer: string, lock: FileLock): Promise<boolean> {
    const { dataDir, kept } = this.#options;
    const segments = await listSegments(dataDir, writer);
    if (segments.length === 0) {
      await this.#deleteEmpty(writer);
      return false;
    }
    for (const segment of segments) {
      const { size } = await stat(segmentPath(dataDir, writer, segment));
      kept.add(writer, segment, size);
    }
    const head = await lastHead(dataDir, writer);
    if (head !== undefined) await keepHead(dataDir, head);
    const adopted = {
      lock,
      isFinished: await isFinished(dataDir, writer),
      isIncomplete: false,
    };
    this.#adopted.set(writer, adopted);
    if (!adopted.isFinished) {
      const droppedBefore = this.#options.journal.recordsDropped;
      await this.#recordInterrupted(writer);
      adopted.isIncomplete = this.#options.journal.recordsDropped > droppedBefore;
      await this.finish(writer).catch(() => false); // Told as an event; `sweep` tries again.
    }
    return true;
  }

  async #recordInterrupted(writer: string): Promise<void> {
    const { dataDir, journal, writer: own } = this.#options;
    const { starts, lastSignEpochMs } = await readLeftovers(dataDir, writer);
    if (starts.length > 0) {
      await noteAdopter(dataDir, writer, { writer: own, segment: journal.position.segment });
    }
    for (const [at, start] of starts.entries()) {
      if (at % recordsPerTurn === recordsPerTurn - 1) await nextTurn();
      if (!isValid(start.id)) continue;
      journal.record(interruptedEntry(start, lastSignEpochMs), start.lease ?? undefined);
    }
    const count = starts.length === 1 ? "1 request" : `${starts.length} requests`;
    this.#options.onEvent({
      kind: "journal_adopted",
      message: `Took over the journal ${writer} of a process that has ended: it left ${count} unfinished.`,
    });
  }

  async #deleteEmpty(writer: string): Promise<void> {
    const { dataDir, clock } = this.#options;
    if (clock.epochMs() - decodeTime(writer) < startingMs) return;
    await rm(writerFolder(dataDir, writer), { recursive: true, force: true });
  }

  #tellFailed(error: unknown): void {
    this.#options.onEvent({
      kind: "journal_adoption_failed",
      message:
        "The journal of a process that has ended cannot be read. Its requests are missing until it can; it is tried again.",
      error,
    });
  }
}
