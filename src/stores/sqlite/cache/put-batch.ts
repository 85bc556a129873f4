import type { StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import { answerParts, sealAnswer, writeAnswer } from "../../answers/answer-codec.ts";
import type { CacheRow } from "./protocol.ts";

/** So many bytes it has room for at first; it grows to what it needs. */
const firstBytes = 64 * 1024;
const lengthBytes = 4;

/**
 * Answers that are to be written, one after the other in one piece of memory, each with its length before it: to hand
 * them to another thread costs the same for one as for hundreds. Their checksums are that thread's to make.
 */
export class PutBatch {
  #bytes = Buffer.allocUnsafeSlow(firstBytes);
  #length = 0;
  readonly #names = new Set<string>();

  get size(): number {
    return this.#names.size;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  has(tenantId: string, key: string): boolean {
    return this.#names.has(nameOf(tenantId, key));
  }

  /** Copies it. Says no to one with more than `bytesMax`. */
  add(key: string, answer: StoredAnswer, bytesMax: number): boolean {
    const parts = answerParts(key, answer);
    if (parts.length > bytesMax) return false;
    this.#makeRoomFor(lengthBytes + parts.length);
    this.#bytes.writeUInt32LE(parts.length, this.#length);
    writeAnswer(parts, this.#bytes, this.#length + lengthBytes);
    this.#length += lengthBytes + parts.length;
    this.#names.add(nameOf(answer.tenantId, key));
    return true;
  }

  #makeRoomFor(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const wider = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, this.#length + more));
    this.#bytes.copy(wider, 0, 0, this.#length);
    this.#bytes = wider;
  }
}

/** The other thread's side: what is in a batch, sealed. */
export function rowsOf(batch: Uint8Array<ArrayBuffer>): CacheRow[] {
  const bytes = Buffer.from(batch.buffer, batch.byteOffset, batch.length);
  const rows: CacheRow[] = [];
  for (let at = 0; at < bytes.length;) {
    const start = at + lengthBytes;
    at = start + bytes.readUInt32LE(at);
    const { header, sealed } = sealAnswer(bytes.subarray(start, at));
    const { tenantId, key, model, requestId, tags, expiresAtEpochMs: expiresAtMs } = header;
    rows.push({ tenantId, key, model, requestId, tags, expiresAtMs, bytes: sealed });
  }
  return rows;
}

const nameOf = (tenantId: string, key: string): string => `${tenantId}\n${key}`;
