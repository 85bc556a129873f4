import { endianness } from "node:os";
import { crc32 } from "node:zlib";

import { z } from "zod";

import type { SemanticEntry } from "../../pipeline/cache/semantic-store.ts";

/**
 * An entry of the semantic tier as bytes, the same in every store:
 *
 *     0      1: its vector is little-endian, 2: big-endian, as the machine has them that wrote it
 *     1…4    CRC-32 of all that follows it, little-endian
 *     5…8    bytes of the header
 *     9…     the header as JSON, then the vector: float32, one after the other
 *
 * Whatever is damaged, of another version or another machine, or not what was asked for is undefined: the entry is not
 * there then.
 */
const byteOrder = endianness() === "LE" ? 1 : 2;
const prefixBytes = 9;

const headerSchema = z.object({
  id: z.string(),
  tenantId: z.string(),
  shard: z.string(),
  answerId: z.string(),
  text: z.string(),
  normalForm: z.string().optional(),
  embedderId: z.string().optional(),
  expiresAtEpochMs: z.number(),
  dimensions: z.int().min(0),
});

/** The bytes are a copy, with a buffer of their own that may be handed to another thread. */
export function encodeEntry({ vector, ...rest }: SemanticEntry): Uint8Array<ArrayBuffer> {
  const header = Buffer.from(JSON.stringify({ ...rest, dimensions: vector?.length ?? 0 }));
  const bytes = Buffer.allocUnsafeSlow(prefixBytes + header.length + (vector?.byteLength ?? 0));
  header.copy(bytes, prefixBytes);
  if (vector !== undefined) {
    const numbers = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength);
    bytes.set(numbers, prefixBytes + header.length);
  }
  bytes[0] = byteOrder;
  bytes.writeUInt32LE(header.length, 5);
  bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1);
  return bytes;
}

/** Whose entry it must be. */
export interface EntryName {
  readonly tenantId: string;
  readonly id: string;
}

export function decodeEntry(stored: Uint8Array, name: EntryName): SemanticEntry | undefined {
  if (stored.length < prefixBytes || stored[0] !== byteOrder) return undefined;
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  if (bytes.readUInt32LE(1) !== crc32(bytes.subarray(5))) return undefined;
  const headerEnd = prefixBytes + bytes.readUInt32LE(5);
  const header = headerSchema.safeParse(parse(bytes.toString("utf8", prefixBytes, headerEnd)));
  if (!header.success) return undefined;
  const { dimensions, normalForm, embedderId, ...rest } = header.data;
  if (rest.tenantId !== name.tenantId || rest.id !== name.id) return undefined;
  const numbers = bytes.subarray(headerEnd);
  if (numbers.length !== dimensions * Float32Array.BYTES_PER_ELEMENT) return undefined;
  return { ...rest, normalForm, embedderId, vector: vectorOf(numbers) };
}

/** In memory of its own, which begins where a number may. */
function vectorOf(bytes: Uint8Array): Float32Array | undefined {
  if (bytes.length === 0) return undefined;
  const vector = new Float32Array(bytes.length / Float32Array.BYTES_PER_ELEMENT);
  new Uint8Array(vector.buffer).set(bytes);
  return vector;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Its checksum fits, and still it is not ours.
  }
}
