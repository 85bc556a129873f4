import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { decodeTime, ulid } from "ulid";

import type { Clock } from "../../lib/clock.ts";
import { Adoptions, writerLockPath } from "./adoptions.ts";
import { hashBefore, keepHead, lastWriter } from "./chain-head.ts";
import type { DiskJournal, JournalEvent } from "./disk-journal.ts";
import { DiskSync, syncFolder } from "./disk-sync.ts";
import { lockExclusively, lockOwnership, lockShared } from "./file-lock.ts";
import type { FileLock } from "./file-lock.ts";
import { isErrorCode, journalFolder, writerFolder } from "./journal-files.ts";
import { JournalWriter } from "./journal-writer.ts";
import { KeptSegments } from "./kept-segments.ts";
import { closeQuietly, SegmentWriter } from "./segment-writer.ts";
import { LinePlaces } from "./sink-lag.ts";
import type { SinkLag } from "./sink-lag.ts";
import { noteFinished, writeScanFrom } from "./unfinished-starts.ts";

export interface JournalOptions {
  readonly dataDir: string;
  readonly chainKey: Buffer;
  readonly clock: Clock;
  /** Of all segments that this process has to do with. */
  readonly bytesMax: number;
  /** A segment is kept for so long after its last line, also when every sink has it. */
  readonly keepMs: number;
  /** Several processes use the directory; otherwise this one alone. */
  readonly isShared: boolean;
  readonly onDiskFull: "continue" | "refuse";
  readonly onEvent: (event: JournalEvent) => void;
  /** For tests: smaller ones. */
  readonly segmentBytesMax?: number | undefined;
  readonly waitingBytesMax?: number | undefined;
}

const sweepMs = 60_000;

/**
 * Begins this process's journal and takes over those of dead ones. Rejects with a plain error that says what to do
 * where the directory is in use, or cannot be written.
 */
export async function openJournal(options: JournalOptions): Promise<DiskJournal> {
  const { dataDir, isShared } = options;
  await mkdir(journalFolder(dataDir), { recursive: true, mode: 0o700 });
  const directoryLock = await lockDirectory(dataDir, isShared);
  try {
    const begun = await beginWriter(options);
    const journal = await assemble(options, begun, directoryLock);
    await journal.adoptDead();
    return journal;
  } catch (error) {
    directoryLock.release();
    throw error;
  }
}

interface Begun {
  readonly writer: string;
  readonly lock: FileLock;
  readonly segments: SegmentWriter;
  readonly sync: DiskSync;
  readonly kept: KeptSegments;
  /** Set when everything is there. */
  readonly links: { journal: JournalWriter | undefined };
}

/** One that starts beside us may take a folder without a lock for a dead one's; then we begin another. */
const attemptsMax = 5;

async function beginWriter(options: JournalOptions): Promise<Begun> {
  const { dataDir, clock } = options;
  for (let attempt = 1; ; attempt++) {
    const last = await lastWriter(dataDir);
    // Writers sort in the order of their starts, also when the clock was set back.
    const writer = ulid(Math.max(clock.epochMs(), last === undefined ? 0 : decodeTime(last) + 1));
    await mkdir(writerFolder(dataDir, writer), { mode: 0o700 });
    let lock: FileLock | undefined;
    try {
      lock = await lockOwnership(writerLockPath(dataDir, writer));
      if (lock !== undefined) return { writer, lock, ...makeSegments(options, writer) };
    } catch (error) {
      lock?.release();
      if (!isErrorCode(error, "ENOENT") || attempt === attemptsMax) throw error;
    }
    if (attempt === attemptsMax) throw new Error(`No journal could be begun in ${dataDir}.`);
  }
}

function makeSegments(options: JournalOptions, writer: string) {
  const { dataDir, onEvent, segmentBytesMax } = options;
  const kept = new KeptSegments(options);
  const links: Begun["links"] = { journal: undefined };
  const sync = new DiskSync({
    folder: writerFolder(dataDir, writer),
    onFailed: (error) => {
      const message = "The disk failed to keep the journal: a power cut may cost what it holds.";
      onEvent({ kind: "journal_sync_failed", message, error });
    },
  });
  const segments = new SegmentWriter({
    dataDir,
    writer,
    bytesMax: segmentBytesMax,
    onSegmentEnd: ({ segment, bytes, descriptor }) => {
      sync.end(descriptor);
      kept.add(writer, segment, bytes);
      const oldest = links.journal?.oldestSegmentNeeded ?? 1;
      // Only when the segments that it judges are safe: after a power cut a record that it counted on may be gone.
      // A note that is missing does no harm; then more is read.
      sync
        .flush()
        .then(() => writeScanFrom(dataDir, writer, { oldest, ended: segment }))
        .catch(() => undefined);
    },
  });
  return { kept, links, sync, segments };
}

async function assemble(
  options: JournalOptions,
  begun: Begun,
  directoryLock: FileLock,
): Promise<DiskJournal> {
  const { dataDir, clock, onEvent } = options;
  const { writer, lock, segments, sync, kept, links } = begun;
  try {
    await syncFolder(journalFolder(dataDir));
    await syncFolder(writerFolder(dataDir, writer));
    const before = await hashBefore(dataDir, writer);
    const journal = new JournalWriter({
      ...options,
      writer,
      segments,
      sync,
      hashBefore: before,
      bytesElsewhere: () => kept.bytes,
    });
    links.journal = journal;
    const adoptions = new Adoptions({ dataDir, writer, clock, journal, sync, kept, onEvent });
    return new OpenJournal({ options, begun, journal, adoptions, directoryLock });
  } catch (error) {
    closeQuietly(segments.descriptor);
    lock.release();
    throw error;
  }
}

interface Parts {
  readonly options: JournalOptions;
  readonly begun: Begun;
  readonly journal: JournalWriter;
  readonly adoptions: Adoptions;
  readonly directoryLock: FileLock;
}

class OpenJournal implements DiskJournal {
  readonly #parts: Parts;
  readonly #timer: NodeJS.Timeout;
  readonly #places = new LinePlaces();
  /** Adopting and deleting: one after the other. */
  #running: Promise<unknown> = Promise.resolve();
  #isClosed = false;

  // The hot path goes straight to the writer.
  readonly start: DiskJournal["start"];
  readonly record: DiskJournal["record"];
  readonly payload: DiskJournal["payload"];
  readonly jobs: DiskJournal["jobs"];

  constructor(parts: Parts) {
    this.#parts = parts;
    const { journal } = parts;
    this.start = journal.start.bind(journal);
    this.record = journal.record.bind(journal);
    this.payload = journal.payload.bind(journal);
    this.jobs = journal.jobs.bind(journal);
    this.#timer = setInterval(this.#onTimer, sweepMs).unref();
    journal.onWritten((position) => {
      this.#places.note(position, journal.stats.linesAppended, parts.options.clock.tickMs());
    });
  }

  get writer() {
    return this.#parts.begun.writer;
  }

  get mustRefuse() {
    return this.#parts.journal.mustRefuse;
  }

  get position() {
    return this.#parts.journal.position;
  }

  get adopted() {
    return this.#parts.adoptions.writers;
  }

  get stats() {
    const { kept, segments, sync } = this.#parts.begun;
    return {
      ...this.#parts.journal.stats,
      bytes: kept.bytes + segments.offset,
      segments: kept.count + 1,
      failedSyncs: sync.failures,
    };
  }

  lags(): readonly SinkLag[] {
    const { kept, writer, segments } = this.#parts.begun;
    const end = { ...segments.position, lines: this.#parts.journal.stats.linesAppended };
    return [...kept.takenOf(writer)].map(([sink, taken]) => {
      const from = taken?.segment === end.segment ? taken.offset : 0;
      return {
        sink,
        bytes: kept.bytesLeft(sink) + Math.max(0, end.offset - from),
        lines: this.#places.linesAfter(taken, end),
      };
    });
  }

  onWritten(listener: Parameters<DiskJournal["onWritten"]>[0]): void {
    this.#parts.journal.onWritten(listener);
  }

  onUnwritten(listener: Parameters<DiskJournal["onUnwritten"]>[0]): void {
    this.#parts.journal.onUnwritten(listener);
  }

  checkpoint(): void {
    this.#parts.journal.checkpoint();
  }

  useSinks(names: readonly string[]): void {
    this.#parts.begun.kept.useSinks(names);
  }

  acknowledge(...[sink, writer, position]: Parameters<DiskJournal["acknowledge"]>): void {
    this.#parts.begun.kept.acknowledge(sink, writer, position);
  }

  sync(): Promise<void> {
    return this.#parts.begun.sync.flush();
  }

  adoptDead(): Promise<readonly string[]> {
    return this.#inTurn(() => (this.#isClosed ? [] : this.#parts.adoptions.adoptDead()));
  }

  sweep(): Promise<void> {
    return this.#inTurn(() => (this.#isClosed ? undefined : this.#sweep()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return;
    clearInterval(this.#timer);
    await this.#running;
    this.#isClosed = true;
    const { begun, journal, adoptions, directoryLock } = this.#parts;
    journal.close();
    try {
      await this.#leave();
    } finally {
      closeQuietly(begun.segments.descriptor);
      adoptions[Symbol.dispose]();
      begun.lock.release();
      directoryLock.release();
    }
  }

  async #leave(): Promise<void> {
    const { options, begun, journal } = this.#parts;
    const { dataDir } = options;
    const { segment, offset } = begun.segments.position;
    await begun.sync.flush();
    if (journal.head !== undefined) await keepHead(dataDir, journal.head);
    if (segment === 1 && offset === 0) {
      await rm(writerFolder(dataDir, begun.writer), { recursive: true, force: true });
    } else if (journal.unfinished === 0 && journal.linesWaiting === 0) {
      await noteFinished(dataDir, begun.writer);
    }
  }

  readonly #onTimer = (): void => {
    this.#parts.journal.tick();
    void this.sweep(); // Never rejects.
  };

  async #sweep(): Promise<void> {
    const { begun, adoptions, journal } = this.#parts;
    try {
      await this.#deleteFrom(begun.writer);
      for (const writer of adoptions.writers) {
        if (!(await adoptions.finish(writer))) continue;
        await this.#deleteFrom(writer);
        if (!begun.kept.hasAny(writer)) await adoptions.deleteFolder(writer);
      }
      journal.retry();
    } catch (error) {
      const message = "What the journal no longer needs cannot be deleted; it is tried again.";
      this.#parts.options.onEvent({ kind: "journal_delete_failed", message, error });
    }
  }

  async #deleteFrom(writer: string): Promise<void> {
    const { options, begun, journal } = this.#parts;
    const isOwn = writer === begun.writer;
    const segments = await begun.kept.listNotNeeded(writer, {
      nowEpochMs: options.clock.epochMs(),
      // If this process dies, its requests must be found.
      runningFrom: isOwn ? journal.oldestSegmentNeeded : Infinity,
    });
    if (segments.length === 0) return;
    if (isOwn && journal.head !== undefined) await keepHead(options.dataDir, journal.head);
    for (const segment of segments) {
      if (await begun.kept.mayLoseJobs(writer, segment)) this.#tellJobsLost();
      await begun.kept.delete(writer, segment);
    }
  }

  /** Once for each segment. */
  #tellJobsLost(): void {
    const message =
      "Jobs, as to judge an answer, are being lost: their store does not take them, and half of the journal is full.";
    this.#parts.options.onEvent({ kind: "journal_jobs_lost", message });
  }

  #inTurn<Result>(work: () => Promise<Result> | Result): Promise<Result> {
    const run = this.#running.then(work);
    this.#running = run.catch(() => undefined); // Whoever asked gets it.
    return run;
  }
}

function processNotePath(dataDir: string): string {
  return join(journalFolder(dataDir), "process.json");
}

async function lockDirectory(dataDir: string, isShared: boolean): Promise<FileLock> {
  const path = join(journalFolder(dataDir), "lock");
  const lock = await (isShared ? lockShared(path) : lockExclusively(path));
  if (lock === undefined) throw new Error(await inUse(dataDir, isShared));
  const note = { pid: process.pid, host: hostname(), startedAt: new Date().toISOString() };
  await writeFile(processNotePath(dataDir), JSON.stringify(note), { mode: 0o600 });
  return lock;
}

async function inUse(dataDir: string, isShared: boolean): Promise<string> {
  // Only for the sentence: whoever has just started may not have written it.
  const text = await readFile(processNotePath(dataDir), "utf8").catch(() => "");
  const [, pid, host] = /^\{"pid":(\d+),"host":"([^"]*)"/.exec(text) ?? [];
  const who = pid === undefined ? "another process" : `process ${pid} on ${host ?? "?"}`;
  const how = isShared
    ? "It does not share it: it runs with the embedded stores (SENTINEL_STORE=sqlite)."
    : "Several processes, as a gateway and a worker beside it, can share one only with Redis (SENTINEL_STORE=redis).";
  return `The data directory ${dataDir} is in use by ${who}. Stop that one, or set SENTINEL_DATA_DIR to another directory. ${how}`;
}
