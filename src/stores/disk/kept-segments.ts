import { rm, stat } from "node:fs/promises";

import { isErrorCode, segmentPath } from "./journal-files.ts";
import type { JournalPosition } from "./journal-line.ts";
import { jobsSinkName } from "./journal-sink.ts";
import { readLines } from "./read-lines.ts";

interface NeededFor {
  readonly nowEpochMs: number;
  /** From this segment on there are starts of requests that run. */
  readonly runningFrom: number;
}

/** A request that has not ended after so long never will: its record was lost. */
const requestMsMax = 24 * 3_600_000;

/** Beyond this part of the journal's size, nothing is kept for jobs alone. */
const jobsShare = 0.5;

/** Which segments nothing is written to any more are still there, and how far every sink is in them. */
export class KeptSegments {
  readonly #dataDir: string;
  readonly #keepMs: number;
  readonly #jobsBytesMax: number;
  /** By writer: the bytes of each segment, ascending. */
  readonly #segments = new Map<string, Map<number, number>>();
  /** By writer, then by sink. */
  readonly #acknowledged = new Map<string, Map<string, JournalPosition>>();
  #sinks: readonly string[] | undefined;
  #bytes = 0;
  #count = 0;

  constructor(options: {
    readonly dataDir: string;
    readonly keepMs: number;
    readonly bytesMax: number;
  }) {
    this.#dataDir = options.dataDir;
    this.#keepMs = options.keepMs;
    this.#jobsBytesMax = options.bytesMax * jobsShare;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#count;
  }

  add(writer: string, segment: number, bytes: number): void {
    const segments = this.#segments.get(writer) ?? new Map<number, number>();
    segments.set(segment, bytes);
    this.#segments.set(writer, segments);
    this.#bytes += bytes;
    this.#count++;
  }

  hasAny(writer: string): boolean {
    return (this.#segments.get(writer)?.size ?? 0) > 0;
  }

  /** Sinks that are no longer in use hold nothing back. */
  useSinks(names: readonly string[]): void {
    this.#sinks = [...names];
  }

  acknowledge(sink: string, writer: string, position: JournalPosition): void {
    const sinks = this.#acknowledged.get(writer) ?? new Map<string, JournalPosition>();
    sinks.set(sink, position);
    this.#acknowledged.set(writer, sinks);
  }

  /** Those that are fed, and how far each is in a writer's journal. */
  takenOf(writer: string): ReadonlyMap<string, JournalPosition | undefined> {
    const taken = this.#acknowledged.get(writer);
    return new Map((this.#sinks ?? []).map((sink) => [sink, taken?.get(sink)]));
  }

  /** What a sink has not taken of the segments that are here, in bytes; an empty or torn line at an end counts. */
  bytesLeft(sink: string): number {
    let left = 0;
    for (const [writer, segments] of this.#segments) {
      const taken = this.#acknowledged.get(writer)?.get(sink) ?? { segment: 0, offset: 0 };
      for (const [segment, bytes] of segments) {
        if (segment > taken.segment) left += bytes;
        else if (segment === taken.segment) left += Math.max(0, bytes - taken.offset);
      }
    }
    return left;
  }

  forget(writer: string): void {
    for (const segment of this.#segments.get(writer)?.keys() ?? []) this.#remove(writer, segment);
    this.#segments.delete(writer);
    this.#acknowledged.delete(writer);
  }

  /** From the oldest on, up to the first that is still needed. */
  async listNotNeeded(writer: string, { nowEpochMs, runningFrom }: NeededFor): Promise<number[]> {
    const found: number[] = [];
    if (this.#sinks === undefined) return found;
    let leftBytes = this.#bytes;
    for (const [segment, bytes] of this.#segments.get(writer) ?? []) {
      for (const sink of this.#waitedFor(leftBytes)) {
        if (!(await this.#hasTaken(sink, writer, { segment, bytes }))) return found;
      }
      const ageMs = nowEpochMs - (await this.#writtenEpochMs(writer, segment));
      if (ageMs < this.#keepMs || (segment >= runningFrom && ageMs < requestMsMax)) break;
      found.push(segment);
      leftBytes -= bytes;
    }
    return found;
  }

  /** Whether it has jobs, perhaps, that their sink has not taken: too many wait, or its store is away. */
  async mayLoseJobs(writer: string, segment: number): Promise<boolean> {
    if (this.#sinks?.includes(jobsSinkName) !== true) return false;
    const bytes = this.#segments.get(writer)?.get(segment) ?? 0;
    return !(await this.#hasTaken(jobsSinkName, writer, { segment, bytes }));
  }

  async delete(writer: string, segment: number): Promise<void> {
    await rm(segmentPath(this.#dataDir, writer, segment), { force: true });
    this.#remove(writer, segment);
  }

  #remove(writer: string, segment: number): void {
    const segments = this.#segments.get(writer);
    this.#bytes -= segments?.get(segment) ?? 0;
    if (segments?.delete(segment) === true) this.#count--;
  }

  /** Those that are waited for: all, or all but that of jobs where that has held back enough already. */
  #waitedFor(keptBytes: number): readonly string[] {
    const sinks = this.#sinks ?? [];
    return keptBytes > this.#jobsBytesMax ? sinks.filter((name) => name !== jobsSinkName) : sinks;
  }

  /** Whether a sink has everything of a segment. */
  async #hasTaken(
    sink: string,
    writer: string,
    { segment, bytes }: { readonly segment: number; readonly bytes: number },
  ): Promise<boolean> {
    const position = this.#acknowledged.get(writer)?.get(sink) ?? { segment: 0, offset: 0 };
    if (position.segment > segment) return true;
    if (position.segment === segment && position.offset >= bytes) return true;
    return !(await this.#hasLinesAfter(writer, position, segment));
  }

  /** What is left of a segment may be an empty line, or one that was torn. */
  async #hasLinesAfter(writer: string, from: JournalPosition, segment: number): Promise<boolean> {
    const upTo = { segment, offset: Number.MAX_SAFE_INTEGER };
    for await (const _line of readLines({ dataDir: this.#dataDir, writer, from, upTo }))
      return true;
    return false;
  }

  /** When its last line was. */
  async #writtenEpochMs(writer: string, segment: number): Promise<number> {
    try {
      return (await stat(segmentPath(this.#dataDir, writer, segment))).mtimeMs;
    } catch (error) {
      if (isErrorCode(error, "ENOENT")) return 0; // Someone has deleted it by hand.
      throw error;
    }
  }
}
