import { crc32 } from "node:zlib";

import type { AuditRecord } from "../../pipeline/audit/entry.ts";
import type { JobsRecord, PayloadRecord, StartRecord } from "../../pipeline/journal.ts";

/**
 * The journal's lines, in `<data>/journal/<writer>/<8 digits>.log`: a writer is a ULID made at each process
 * start, its segments are numbered from 00000001. Fields are separated by tabs, which JSON never holds; the
 * first is the CRC-32 of all after it, eight hexadecimal digits:
 *
 *     crc  s  {start record}
 *     crc  r  seq  prev_hash  hash  {lease} or -  {record, as it was hashed}
 *     crc  p  {payload record}
 *     crc  j  {jobs record}
 *     crc  c  seq  count  hash  time  signature
 *
 * Every line ends with a line feed. Empty lines are allowed: an append after one that was cut short begins with
 * a line feed, so that a torn line spoils nothing after it.
 */
export type JournalLine = StartLine | RecordLine | PayloadLine | JobsLine | CheckpointLine;

export interface StartLine {
  readonly kind: "start";
  /** Parsed when it is asked for, which stores do not. Throws a SyntaxError for what is no JSON. */
  readonly start: StartRecord;
}

export interface RecordLine {
  readonly kind: "record";
  readonly record: AuditRecord;
  /** The record's JSON, exactly as it was hashed. */
  readonly text: string;
  readonly chain: ChainLink;
  /** JSON, for a store of limits that settles from the journal. */
  readonly lease: string | undefined;
}

export interface ChainLink {
  readonly writer: string;
  /** From 1, without a gap. */
  readonly seq: number;
  readonly prevHash: string;
  readonly hash: string;
}

export interface PayloadLine {
  readonly kind: "payload";
  readonly payload: PayloadRecord;
}

export interface JobsLine {
  readonly kind: "jobs";
  /** Of the line: its name, whether its content can be read or not. */
  readonly checksum: string;
  /** Parsed when it is asked for, which the sink of jobs alone does. Throws a SyntaxError for what is no JSON. */
  readonly jobs: JobsRecord;
}

/** The writer's chain at an instant, signed: what comes after its tail was cut off can be told by it. */
export interface CheckpointLine {
  readonly kind: "checkpoint";
  readonly writer: string;
  readonly seq: number;
  readonly count: number;
  readonly hash: string;
  readonly epochMs: number;
  readonly signature: string;
}

/** A place in a writer's journal: the offset of the first byte that is not included. */
export interface JournalPosition {
  readonly segment: number;
  readonly offset: number;
}

export const startText = (start: StartRecord): string => sealed(`s\t${JSON.stringify(start)}`);

export const payloadText = (payload: PayloadRecord): string =>
  sealed(`p\t${JSON.stringify(payload)}`);

export const jobsText = (jobs: JobsRecord): string => sealed(`j\t${JSON.stringify(jobs)}`);

export const recordText = (
  { seq, prevHash, hash }: ChainLink,
  text: string,
  lease: string | undefined,
): string => sealed(`r\t${seq}\t${prevHash}\t${hash}\t${lease ?? "-"}\t${text}`);

export const checkpointText = (point: CheckpointLine): string =>
  sealed(`c\t${point.seq}\t${point.count}\t${point.hash}\t${point.epochMs}\t${point.signature}`);

function sealed(body: string): string {
  return `${checksumOf(body)}\t${body}\n`;
}

const checksumOf = (text: string): string => crc32(text).toString(16).padStart(8, "0");

/** Without its line feed. Undefined for what is torn or was changed. */
export function parseLine(writer: string, line: string): JournalLine | undefined {
  const body = line.slice(9);
  if (line[8] !== "\t" || Number.parseInt(line.slice(0, 8), 16) !== crc32(body)) return undefined;
  const fields = body.split("\t");
  try {
    return fromFields(writer, fields);
  } catch {
    return undefined; // A checksum that fits by chance, or a line of a version to come.
  }
}

function startLine(text: string): StartLine {
  let parsed: StartRecord | undefined;
  return {
    kind: "start",
    get start() {
      return (parsed ??= JSON.parse(text) as StartRecord);
    },
  };
}

function jobsLine(text: string): JobsLine {
  let parsed: JobsRecord | undefined;
  return {
    kind: "jobs",
    get checksum() {
      return checksumOf(text);
    },
    get jobs() {
      return (parsed ??= JSON.parse(text) as JobsRecord);
    },
  };
}

function fromFields(writer: string, fields: readonly string[]): JournalLine | undefined {
  const [kind, ...rest] = fields;
  switch (kind) {
    case "s":
      return startLine(rest[0] ?? "");
    case "p":
      return { kind: "payload", payload: JSON.parse(rest[0] ?? "") as PayloadRecord };
    case "j":
      return jobsLine(rest[0] ?? "");
    case "r": {
      const [seq, prevHash = "", hash = "", lease, text = ""] = rest;
      return {
        kind: "record",
        record: JSON.parse(text) as AuditRecord,
        text,
        chain: { writer, seq: Number(seq), prevHash, hash },
        lease: lease === "-" ? undefined : lease,
      };
    }
    case "c": {
      const [seq, count, hash = "", epochMs, signature = ""] = rest;
      const numbers = { seq: Number(seq), count: Number(count), epochMs: Number(epochMs) };
      return { kind: "checkpoint", writer, ...numbers, hash, signature };
    }
    default:
      return undefined;
  }
}
