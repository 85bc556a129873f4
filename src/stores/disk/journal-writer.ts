import type { Clock } from "../../lib/clock.ts";
import type { AuditRecord } from "../../pipeline/audit/entry.ts";
import { linkOf, signCheckpoint } from "../../pipeline/audit/chain.ts";
import type { JobsRecord, Journal, PayloadRecord, StartRecord } from "../../pipeline/journal.ts";
import type { ChainHead } from "./chain-head.ts";
import type { JournalEvent } from "./disk-journal.ts";
import type { DiskSync } from "./disk-sync.ts";
import { checkpointText, jobsText, payloadText, recordText, startText } from "./journal-line.ts";
import type { JournalPosition } from "./journal-line.ts";
import type { SegmentWriter } from "./segment-writer.ts";
import { WaitingLines } from "./waiting-lines.ts";
import type { LineKind } from "./waiting-lines.ts";

export interface JournalWriterOptions {
  readonly writer: string;
  readonly chainKey: Buffer;
  /** What this writer's first record names. */
  readonly hashBefore: string;
  readonly clock: Clock;
  readonly segments: SegmentWriter;
  readonly sync: DiskSync;
  /** Of the whole journal, of which `bytesElsewhere` are not in the segment that is being written. */
  readonly bytesMax: number;
  readonly bytesElsewhere: () => number;
  readonly waitingBytesMax?: number | undefined;
  readonly onDiskFull: "continue" | "refuse";
  readonly onEvent: (event: JournalEvent) => void;
}

/** In memory, while the disk takes nothing: some 20,000 requests. */
const waitingBytesMaxDefault = 64 * 1024 * 1024;
/** Payloads and jobs go no further than this part of the journal's size. */
const lesserShare = 0.8;
/** Chain link and tabs around a record. */
const frameLength = 256;
/** Beyond these the oldest is forgotten: if the process dies, that request leaves no `interrupted` record. */
const unfinishedMax = 1_000_000;
const retryMs = 1_000;
/** So much that waits is tried again at once when a line is appended, and by the timer. */
const drainedPerAppend = 8;
const drainedPerRetry = 256;
const lost: Readonly<Record<LineKind, string>> = {
  payload: "Prompts and answers",
  job: "Jobs, as to judge an answer,",
  start: "Notes of requests that began",
  record: "Records",
};
const hourMs = 3_600_000;
const isLesser = (kind: LineKind): boolean => kind === "payload" || kind === "job";

/**
 * Lines, in order and in the chain, into segments; into memory while the disk takes none. Twice per request, some
 * 10 µs each with the record's JSON, its hashes and the system call. Never throws, never waits.
 */
export class JournalWriter implements Journal {
  readonly #options: JournalWriterOptions;
  readonly #segments: SegmentWriter;
  readonly #waiting: WaitingLines;
  /** Requests without a record so far, the oldest first, and the segment in which each began. */
  readonly #unfinished = new Map<string, number>();
  readonly #dropped = { payloads: 0, jobs: 0, starts: 0, records: 0 };
  readonly #writtenListeners: ((position: JournalPosition) => void)[] = [];
  readonly #unwrittenListeners: ((lines: readonly string[]) => void)[] = [];
  #head: { seq: number; hash: string };
  #checkpointSeq = 0;
  #hour: number;
  #linesAppended = 0;
  #recordsAppended = 0;
  #unwritten: string[] = [];
  #isTelling = false;
  #hasNews = false;
  /** Of these it has been said, in the last minute, that they are lost. */
  readonly #toldOf = new Set<LineKind>();
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: JournalWriterOptions) {
    this.#options = options;
    this.#segments = options.segments;
    this.#waiting = new WaitingLines(options.waitingBytesMax ?? waitingBytesMaxDefault);
    this.#head = { seq: 0, hash: options.hashBefore };
    this.#hour = Math.floor(options.clock.epochMs() / hourMs);
  }

  start(record: StartRecord): void {
    this.#unfinished.set(record.id, this.#segments.segment);
    if (this.#unfinished.size > unfinishedMax) this.#forgetOldest();
    this.#put("start", startText(record));
  }

  record(record: AuditRecord, lease?: string): void {
    this.#closeHour();
    const text = JSON.stringify(record);
    if (!this.#canTake(text.length + (lease?.length ?? 0))) {
      // The chain goes on without it, and its start stays unfinished: the next process makes an estimate of it.
      this.#drop("record");
      return;
    }
    const { writer, chainKey } = this.#options;
    const { seq, hash } = this.#head;
    const link = linkOf({ key: chainKey, writer, seq: seq + 1, prevHash: hash, text });
    this.#head = link;
    this.#recordsAppended++;
    this.#unfinished.delete(record.id);
    this.#put("record", recordText(link, text, lease));
  }

  payload(payload: PayloadRecord): void {
    this.#put("payload", payloadText(payload));
  }

  jobs(record: JobsRecord): void {
    this.#put("job", jobsText(record));
  }

  get mustRefuse(): boolean {
    return this.#options.onDiskFull === "refuse" && this.#waiting.isAlmostFull;
  }

  /** Undefined before the first record. */
  get head(): ChainHead | undefined {
    const { seq, hash } = this.#head;
    return seq === 0 ? undefined : { writer: this.#options.writer, seq, hash };
  }

  get position(): JournalPosition {
    return this.#segments.position;
  }

  get unfinished(): number {
    return this.#unfinished.size;
  }

  /** What is before it has no start of a request that still runs. */
  get oldestSegmentNeeded(): number {
    for (const segment of this.#unfinished.values()) return segment;
    return this.#segments.segment;
  }

  /** Records that were lost. */
  get recordsDropped(): number {
    return this.#dropped.records;
  }

  get linesWaiting(): number {
    return this.#waiting.count;
  }

  get stats() {
    return {
      linesAppended: this.#linesAppended,
      recordsAppended: this.#recordsAppended,
      linesWaiting: this.#waiting.count,
      bytesWaiting: this.#waiting.bytes,
      dropped: { ...this.#dropped },
      unfinished: this.#unfinished.size,
    };
  }

  onWritten(listener: (position: JournalPosition) => void): void {
    this.#writtenListeners.push(listener);
  }

  onUnwritten(listener: (lines: readonly string[]) => void): void {
    this.#unwrittenListeners.push(listener);
  }

  /** At least once a minute, so that the hour is closed also where nobody asks anything. */
  tick(): void {
    this.#toldOf.clear();
    this.#closeHour();
  }

  /** There may be room again. */
  retry(): void {
    if (this.#waiting.count > 0) this.#drain(drainedPerRetry);
  }

  /** Signs the chain as it is now, if it has grown since. */
  checkpoint(): void {
    this.#checkpoint(this.#options.clock.epochMs());
  }

  /** The last checkpoint, and what waits, as far as the disk takes it. Nothing is written afterwards. */
  close(): void {
    this.checkpoint();
    for (let before = Infinity; this.#waiting.count > 0 && this.#waiting.count < before;) {
      before = this.#waiting.count;
      this.#drain(drainedPerRetry);
    }
    clearTimeout(this.#timer);
    this.#isClosed = true;
    this.#segments.close();
    const count = this.#waiting.count;
    if (count === 0) return;
    this.#tell("journal_dropping", `${count} lines are lost: the journal could not be written.`);
  }

  #put(kind: LineKind, line: string): void {
    const isFirst = this.#waiting.count === 0;
    if (isFirst && this.#hasRoomOnDisk(kind) && this.#segments.append(line)) this.#wrote();
    else this.#wait(kind, line);
  }

  #wrote(): void {
    this.#linesAppended++;
    this.#options.sync.touch(this.#segments.descriptor);
    this.#hasNews = true;
    this.#tellLater();
  }

  #canTake(length: number): boolean {
    if (this.#isClosed) return false;
    return this.#waiting.count === 0 || this.#waiting.hasRoom("record", length + frameLength);
  }

  #hasRoomOnDisk(kind: LineKind): boolean {
    const { bytesElsewhere, bytesMax } = this.#options;
    const bytes = bytesElsewhere() + this.#segments.offset;
    return bytes < (isLesser(kind) ? bytesMax * lesserShare : bytesMax);
  }

  /** A record that came so far has its place in the chain, and is never dropped here. */
  #wait(kind: LineKind, line: string): void {
    const isRefused = kind !== "record" && !this.#waiting.hasRoom(kind, line.length);
    if (this.#isClosed || isRefused || (isLesser(kind) && !this.#hasRoomOnDisk(kind))) {
      this.#drop(kind);
      return;
    }
    if (this.#waiting.count === 0) this.#tellUnwritable();
    const isMore = this.#waiting.count > 0;
    this.#waiting.push(line);
    if (this.#unwrittenListeners.length > 0) {
      this.#unwritten.push(line.slice(0, -1));
      this.#tellLater();
    }
    this.#timer ??= setTimeout(this.#onTimer, retryMs).unref();
    if (isMore) this.#drain(drainedPerAppend);
  }

  #drop(kind: LineKind): void {
    this.#dropped[`${kind}s`]++;
    if (this.#toldOf.has(kind)) return;
    this.#toldOf.add(kind);
    this.#tell("journal_dropping", `${lost[kind]} are being lost: the journal has no room.`);
  }

  /** Whether there is nothing left. */
  #drain(linesMax: number): boolean {
    for (let count = 0; count < linesMax; count++) {
      const line = this.#waiting.first();
      if (line === undefined) break;
      if (!this.#hasRoomOnDisk("record") || !this.#segments.append(line)) return false;
      this.#waiting.removeFirst();
      this.#wrote();
    }
    if (this.#waiting.count > 0) return false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#toldOf.clear();
    this.#tell("journal_writable_again", "The journal is written again; nothing waits in memory.");
    return true;
  }

  readonly #onTimer = (): void => {
    this.#timer = undefined;
    const before = this.#waiting.count;
    if (this.#isClosed || before === 0 || this.#drain(drainedPerRetry)) return;
    const isGoingOn = this.#waiting.count < before;
    this.#timer = setTimeout(this.#onTimer, isGoingOn ? 0 : retryMs).unref();
  };

  #tellUnwritable(): void {
    const isFull = !this.#hasRoomOnDisk("record");
    const reason = isFull
      ? "it has reached SENTINEL_JOURNAL_MAX_BYTES because a store does not take what it holds"
      : "the disk does not take more";
    const message = `The journal cannot be written, ${reason}. Records wait in memory.`;
    const error = isFull ? undefined : this.#segments.error;
    this.#tell("journal_unwritable", message, error);
  }

  #tell(kind: JournalEvent["kind"], message: string, error?: unknown): void {
    this.#options.onEvent({ kind, message, ...(error === undefined ? {} : { error }) });
  }

  #tellLater(): void {
    if (this.#isTelling) return;
    this.#isTelling = true;
    setImmediate(this.#tellListeners);
  }

  readonly #tellListeners = (): void => {
    this.#isTelling = false;
    const lines = this.#unwritten;
    const hasNews = this.#hasNews;
    this.#unwritten = [];
    this.#hasNews = false;
    if (lines.length > 0) for (const listener of this.#unwrittenListeners) listener(lines);
    if (!hasNews) return;
    const position = this.#segments.position;
    for (const listener of this.#writtenListeners) listener(position);
  };

  /** What is signed is the chain as it was at the end of the hour; the last of a day is the end of that day. */
  #closeHour(): void {
    const nowMs = this.#options.clock.epochMs();
    const hour = Math.floor(nowMs / hourMs);
    if (hour === this.#hour) return;
    const endOfHourMs = (this.#hour + 1) * hourMs - 1;
    this.#hour = hour;
    this.#checkpoint(Math.min(nowMs, endOfHourMs));
  }

  #checkpoint(epochMs: number): void {
    const { writer, chainKey } = this.#options;
    const { seq, hash } = this.#head;
    if (seq === this.#checkpointSeq || !this.#canTake(frameLength)) return;
    this.#checkpointSeq = seq;
    const point = { writer, seq, count: seq, hash, epochMs };
    const signature = signCheckpoint(chainKey, point);
    this.#put("record", checkpointText({ kind: "checkpoint", ...point, signature }));
  }

  #forgetOldest(): void {
    for (const id of this.#unfinished.keys()) {
      this.#unfinished.delete(id);
      return;
    }
  }
}
