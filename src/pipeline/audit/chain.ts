import { hash, timingSafeEqual } from "node:crypto";

import { hmacSha256 } from "../../lib/hmac.ts";

/**
 * The chain that makes tampering show. Each record of a writer is sealed with the hash of the one before:
 *
 *     hash = HMAC-SHA-256(key, prev_hash LF writer LF seq LF SHA-256(text)), all in lower-case hexadecimal
 *
 * A writer's first record names the hash of a record of the writer before it in the data directory: its last one,
 * as far as that was known on disk; or `noHash`, where there is none.
 */
export interface SealedRecord {
  readonly writer: string;
  /** From 1, without a gap. */
  readonly seq: number;
  readonly prevHash: string;
  readonly hash: string;
}

/** What stands in the place of the hash before the very first. */
export const noHash = "0".repeat(64);

interface RecordToSeal {
  readonly key: Buffer;
  readonly writer: string;
  readonly seq: number;
  readonly prevHash: string;
  /** The record's JSON, as it is written down. */
  readonly text: string;
}

/** Runs once per record. Budget: 4 µs for 1 KB. */
export function linkOf({ key, writer, seq, prevHash, text }: RecordToSeal): SealedRecord {
  const message = `${prevHash}\n${writer}\n${seq}\n${hash("sha256", text)}`;
  return { writer, seq, prevHash, hash: hmacSha256(key, message) };
}

/** Whether a record is the one that was sealed. That it stands in its place is for `follows` to say. */
export function verifyLink(key: Buffer, link: SealedRecord, text: string): boolean {
  const { writer, seq, prevHash } = link;
  if (!isPlain(writer) || !isHash(prevHash) || !Number.isSafeInteger(seq) || seq < 1) return false;
  return isSame(linkOf({ key, writer, seq, prevHash, text }).hash, link.hash);
}

/** The same for a record whose text is gone, by the SHA-256 of it that was kept, in hexadecimal. */
export function verifyEmptied(key: Buffer, link: SealedRecord, textHash: string): boolean {
  const { writer, seq, prevHash } = link;
  const areHashes = isHash(prevHash) && isHash(textHash);
  if (!isPlain(writer) || !areHashes || !Number.isSafeInteger(seq) || seq < 1) return false;
  return isSame(hmacSha256(key, `${prevHash}\n${writer}\n${seq}\n${textHash}`), link.hash);
}

/** Whether one record is the next of the same writer after another. */
export function follows(link: SealedRecord, before: SealedRecord): boolean {
  return (
    link.writer === before.writer && link.seq === before.seq + 1 && link.prevHash === before.hash
  );
}

/** A writer's chain as it was at an instant: what was cut off its end can be told by it. */
export interface ChainCheckpoint {
  readonly writer: string;
  /** Of its last record then, and that record's hash. */
  readonly seq: number;
  readonly hash: string;
  /** How many records it had written. */
  readonly count: number;
  readonly epochMs: number;
}

export function signCheckpoint(key: Buffer, point: ChainCheckpoint): string {
  const { writer, seq, count, hash: last, epochMs } = point;
  return hmacSha256(key, `checkpoint\n${writer}\n${seq}\n${count}\n${last}\n${epochMs}`);
}

export function verifyCheckpoint(
  key: Buffer,
  point: ChainCheckpoint & { readonly signature: string },
): boolean {
  const areNumbers = [point.seq, point.count, point.epochMs].every(Number.isSafeInteger);
  if (!areNumbers || !isPlain(point.writer) || !isHash(point.hash)) return false;
  return isSame(signCheckpoint(key, point), point.signature);
}

/** Fields stand on lines of their own: one with a line feed in it could pass for two. */
const isPlain = (field: string): boolean => !field.includes("\n");
const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);

function isSame(expected: string, given: string): boolean {
  return isHash(given) && timingSafeEqual(Buffer.from(expected), Buffer.from(given));
}
