import { createHmac, hash, timingSafeEqual } from "node:crypto";

const hashBytes = 32;

/**
 * What stays of a record whose text goes when its time is over: the text's SHA-256, and a signature that it was
 * Sentinel who took it. Without that, whoever can write to the file could empty a record and call it over.
 */
export function emptiedHash(key: Buffer, recordHash: Uint8Array, text: string): Buffer {
  return Buffer.concat([hash("sha256", text, "buffer"), emptiedMark(key, recordHash)]);
}

/** The two parts of what `emptiedHash` made. The second is empty in a record that is only repeated. */
export function partsOfTextHash(kept: Uint8Array): {
  readonly textHash: Buffer;
  readonly mark: Buffer;
} {
  const bytes = Buffer.from(kept);
  return { textHash: bytes.subarray(0, hashBytes), mark: bytes.subarray(hashBytes) };
}

export function verifyEmptiedMark(key: Buffer, recordHash: Uint8Array, mark: Uint8Array): boolean {
  return mark.length === hashBytes && timingSafeEqual(emptiedMark(key, recordHash), mark);
}

function emptiedMark(key: Buffer, recordHash: Uint8Array): Buffer {
  const named = Buffer.from(recordHash).toString("hex");
  return createHmac("sha256", key).update(`emptied\n${named}`).digest();
}
