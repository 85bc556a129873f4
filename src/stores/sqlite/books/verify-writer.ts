import { setImmediate } from "node:timers/promises";

import { isDamaged } from "../connection.ts";
import { findRow, rowsOfWriter } from "./chain-rows.ts";
import type { ChainRow } from "./chain-rows.ts";
import { rowFault } from "./check-row.ts";
import type { SignedCheckpoint } from "./checkpoints.ts";
import type { Day } from "./day-files.ts";
import type { RemovedPlaces } from "./removed-places.ts";
import type { AuditProblem, Verification } from "./verify.ts";

export interface WriterToVerify {
  readonly verification: Verification;
  readonly days: readonly Day[];
  readonly points: readonly SignedCheckpoint[];
  /** Hears every hash of the chain. */
  readonly onHash: (hash: string) => void;
  /** Whether the first record may name this hash as the one before. */
  readonly isKnownBefore: (hash: string) => boolean;
}

export interface VerifiedWriter {
  readonly records: number;
  readonly emptied: number;
  readonly isPartlyRemoved: boolean;
}

/** Others of this process get a turn after so many records. */
const recordsPerTurn = 500;
/** Of a hole, so many places are looked for again: they may have been written while the files were read. */
const lookAgainMax = 1_000;

/** Goes through one writer's chain from its first record to its last. */
export async function verifyWriter(
  writer: string,
  options: WriterToVerify,
): Promise<VerifiedWriter> {
  const walk = new ChainWalk(writer, options);
  const { days, verification } = options;
  let turn = 0;
  try {
    for (const row of rowsOfWriter(writer, days, verification.fileOf)) {
      walk.visit(row);
      if (++turn % recordsPerTurn === 0) await setImmediate();
    }
    walk.end();
  } catch (error) {
    if (!isDamaged(error)) throw error;
    const message = `a file with records of ${writer} is damaged; set it aside or restore it`;
    const { seq } = walk;
    verification.report({ kind: "unreadable", writer, seq, id: undefined, message });
  }
  return walk;
}

class ChainWalk implements VerifiedWriter {
  records = 0;
  emptied = 0;
  readonly isPartlyRemoved: boolean;
  readonly #writer: string;
  readonly #options: WriterToVerify;
  readonly #removed: readonly RemovedPlaces[];
  /** By place, the last first. */
  readonly #points: SignedCheckpoint[];
  #seq = 0;
  /** Undefined before the first, and after a hole that cannot be explained. */
  #hash: string | undefined;

  constructor(writer: string, options: WriterToVerify) {
    this.#writer = writer;
    this.#options = options;
    this.#removed = options.verification.removedOf(writer);
    this.isPartlyRemoved = this.#removed.length > 0;
    this.#points = [...options.points].sort((left, right) => right.seq - left.seq);
  }

  /** The last place that was reached. */
  get seq(): number {
    return this.#seq;
  }

  visit(row: ChainRow): void {
    this.records += 1;
    if (row.text === undefined && !row.isRepeated) this.emptied += 1;
    if (row.seq <= this.#seq) {
      const message = "another record has the same place in the chain, or it was moved back";
      this.#report("repeated", row.seq, message, row.id);
      return;
    }
    if (row.seq > this.#seq + 1) this.#passHole(row.seq, row.prevHash);
    this.#checkRow(row);
  }

  /** Looks at what follows the last record. */
  end(): void {
    const last = this.#removed.at(-1);
    if (last !== undefined && last.to > this.#seq) this.#passHole(last.to + 1, undefined);
    const beyond = this.#points[0];
    if (beyond === undefined || beyond.seq <= this.#seq) return;
    // Records may have come in since this writer's files were read.
    const { verification } = this.#options;
    if (findRow(beyond, verification.days, verification.fileOf)?.hash === beyond.hash) return;
    const message = `the end was cut off: a checkpoint tells of ${beyond.seq} records, and the last that is there is ${this.#seq}`;
    this.#report("cut", this.#seq + 1, message);
  }

  #checkRow(row: ChainRow): void {
    const { verification, isKnownBefore } = this.#options;
    const payloads = verification.payloadsOf(row.day);
    const audit = verification.fileOf(row.day);
    const fault = audit && rowFault(row, verification.keys, { audit, payloads });
    if (fault !== undefined) this.#report("changed", row.seq, fault, row.id);
    else if (this.#hash !== undefined && this.#hash !== row.prevHash) {
      const message = "it does not follow the record before it: one of the two was replaced";
      this.#report("changed", row.seq, message, row.id);
    } else if (row.seq === 1 && !isKnownBefore(row.prevHash)) {
      const message = "the records of the writer before it, which it names, are missing";
      this.#report("missing", row.seq, message, row.id);
    }
    this.#pass(row.seq, row.hash);
  }

  /** Places up to `nextSeq` are not in the files: they were removed in time, or somebody deleted them. */
  #passHole(nextSeq: number, nextPrevHash: string | undefined): void {
    while (this.#seq + 1 < nextSeq) {
      const seq = this.#seq + 1;
      const places = this.#removed.find(({ from, to }) => from <= seq && seq <= to);
      if (places !== undefined) this.#passRemoved(places, nextSeq);
      else if (!this.#passWritten(seq, nextSeq)) {
        this.#reportMissing(seq, nextSeq);
        return;
      }
    }
    if (nextPrevHash !== undefined && this.#hash !== undefined && this.#hash !== nextPrevHash) {
      this.#report("missing", nextSeq - 1, "the record before it is not the one that it names");
      this.#hash = undefined;
    }
  }

  #passRemoved({ from, to, prevHash, hash }: RemovedPlaces, nextSeq: number): void {
    if (from === this.#seq + 1 && this.#hash !== undefined && prevHash !== this.#hash) {
      this.#report(
        "changed",
        this.#seq,
        "it is not the one that was there when later files were removed",
      );
    }
    // A removal that ended half way left its records, so only a part of the places may be missing.
    const last = Math.min(to, nextSeq - 1);
    this.#pass(last, last === to ? hash : undefined);
  }

  #passWritten(seq: number, nextSeq: number): boolean {
    if (nextSeq - seq > lookAgainMax) return false;
    const { days, fileOf } = this.#options.verification;
    const row = findRow({ writer: this.#writer, seq }, days, fileOf);
    if (row === undefined) return false;
    this.records += 1;
    this.#checkRow(row);
    return true;
  }

  #reportMissing(seq: number, nextSeq: number): void {
    const next = this.#removed.find(({ from }) => from > seq && from < nextSeq)?.from ?? nextSeq;
    const count = next - seq;
    const what =
      count === 1 ? "this record was deleted" : `${count} records from here were deleted`;
    this.#report("missing", seq, what);
    this.#seq = next - 1;
    this.#hash = undefined;
    if (next < nextSeq) this.#passHole(nextSeq, undefined);
  }

  #pass(seq: number, hash: string | undefined): void {
    this.#seq = seq;
    this.#hash = hash;
    if (hash !== undefined) this.#options.onHash(hash);
    for (let point = this.#points.at(-1); point !== undefined; point = this.#points.at(-1)) {
      if (point.seq > seq) return;
      this.#points.pop();
      if (point.seq < seq || hash === undefined || point.hash === hash) continue;
      this.#report(
        "changed",
        seq,
        "a checkpoint has another hash of it: the chain was written anew",
      );
    }
  }

  #report(kind: AuditProblem["kind"], seq: number, reason: string, id?: string): void {
    const writer = this.#writer;
    const message = `record ${seq} of ${writer}${id === undefined ? "" : ` (${id})`}: ${reason}`;
    this.#options.verification.report({ kind, writer, seq, id, message });
  }
}
