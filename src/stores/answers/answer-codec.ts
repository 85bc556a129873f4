import { crc32, deflateRawSync, inflateRawSync } from "node:zlib";

import { z } from "zod";

import { bodyBytes } from "../../pipeline/cache/cache-store.ts";
import type { StoredAnswer, StoredBody } from "../../pipeline/cache/cache-store.ts";
import { costStatuses } from "../../pipeline/cost/cost-status.ts";

/**
 * A stored answer as bytes, the same in every store:
 *
 *     0      what follows: 1 an answer, 2 an answer that was deflated
 *     1…4    CRC-32 of all that follows it, little-endian
 *     5…8    1: bytes of the header; 2: bytes of the answer before it was deflated
 *     9…     1: the header as JSON, then the body; 2: what was deflated
 *
 * Another first byte is another version's. Whatever is damaged, of another version or not what was asked for is
 * undefined, which is a miss.
 */
const plain = 1;
const deflated = 2;
const prefixBytes = 9;

/** Whose answer it must be: the key is in it, so that a mixed-up row is nobody's answer. */
export interface AnswerName {
  readonly tenantId: string;
  readonly key: string;
}

/** No answer unfolds to more, however little it was deflated to. */
const answerBytesMax = 64 * 1024 * 1024;

/** The bytes are a copy, with a buffer of their own that may be handed to another thread. */
export function encodeAnswer(key: string, answer: StoredAnswer): Uint8Array<ArrayBuffer> {
  const parts = answerParts(key, answer);
  const bytes = Buffer.allocUnsafeSlow(parts.length);
  writeAnswer(parts, bytes, 0);
  return seal(bytes);
}

/** An answer as it will be written, and the bytes that takes. */
export interface AnswerParts {
  readonly header: string;
  readonly headerBytes: number;
  readonly body: StoredBody;
  readonly length: number;
}

export function answerParts(key: string, answer: StoredAnswer): AnswerParts {
  const { body, ...rest } = answer;
  const lengths = body.kind === "whole" ? undefined : body.chunks.map(({ length }) => length);
  const header = JSON.stringify({ ...rest, key, lengths });
  const headerBytes = Buffer.byteLength(header);
  return { header, headerBytes, body, length: prefixBytes + headerBytes + bodyBytes(body) };
}

/** All of it but its checksum, which is `sealAnswer`'s. */
export function writeAnswer(parts: AnswerParts, into: Buffer<ArrayBuffer>, start: number): void {
  const { header, headerBytes, body } = parts;
  into[start] = plain;
  into.writeUInt32LE(headerBytes, start + 5);
  into.write(header, start + prefixBytes, "utf8");
  let at = start + prefixBytes + headerBytes;
  for (const chunk of body.kind === "whole" ? [body.bytes] : body.chunks) {
    into.set(chunk, at);
    at += chunk.length;
  }
}

/** What an answer's header says, as far as it is found by it. */
export type AnswerHeader = Omit<StoredAnswer, "body"> & { readonly key: string };

/** In its place, what `writeAnswer` wrote; and its header, which is trusted: it comes from this process. */
export function sealAnswer(written: Buffer<ArrayBuffer>): {
  readonly header: AnswerHeader;
  readonly sealed: Uint8Array<ArrayBuffer>;
} {
  const end = prefixBytes + written.readUInt32LE(5);
  const header = JSON.parse(written.toString("utf8", prefixBytes, end)) as AnswerHeader;
  return { header, sealed: seal(written) };
}

/**
 * Deflates what has at least so many bytes, if that is worth what it costs every look-up. On 25 kB of events, which repeat themselves, it
 * leaves a twentieth and costs 50 µs; on 2 kB of an answer two thirds and costs as much.
 */
export function deflateAnswer(
  encoded: Uint8Array<ArrayBuffer>,
  fromBytes = deflateFromBytes,
): Uint8Array<ArrayBuffer> {
  if (encoded.length < fromBytes) return encoded;
  const body = deflateRawSync(encoded, { level: 1 });
  if (prefixBytes + body.length > encoded.length * deflatedShareMax) return encoded;
  const bytes = Buffer.allocUnsafeSlow(prefixBytes + body.length);
  body.copy(bytes, prefixBytes);
  bytes[0] = deflated;
  bytes.writeUInt32LE(encoded.length, 5);
  return seal(bytes);
}
const deflateFromBytes = 4_096;
const deflatedShareMax = 0.9;

export function decodeAnswer(bytes: Uint8Array, name: AnswerName): StoredAnswer | undefined {
  const opened = open(bytes);
  if (opened?.kind === deflated) {
    const inflated = inflate(opened.rest, opened.length);
    return inflated === undefined ? undefined : decodePlain(open(inflated), name);
  }
  return decodePlain(opened, name);
}

function seal(bytes: Buffer<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  bytes.writeUInt32LE(crc32(bytes.subarray(5)), 1);
  return bytes;
}

interface Opened {
  readonly kind: number;
  readonly length: number;
  readonly rest: Buffer;
}

function open(stored: Uint8Array): Opened | undefined {
  if (stored.length < prefixBytes) return undefined;
  const bytes = Buffer.from(stored.buffer, stored.byteOffset, stored.length);
  if (bytes.readUInt32LE(1) !== crc32(bytes.subarray(5))) return undefined;
  return { kind: bytes[0] ?? 0, length: bytes.readUInt32LE(5), rest: bytes.subarray(prefixBytes) };
}

function inflate(deflatedBytes: Buffer, length: number): Buffer | undefined {
  if (length > answerBytesMax) return undefined;
  try {
    return inflateRawSync(deflatedBytes, { maxOutputLength: length });
  } catch {
    return undefined; // It is not what was deflated.
  }
}

const headerSchema = z.object({
  key: z.string(),
  requestId: z.string(),
  tenantId: z.string(),
  model: z.string(),
  servedModel: z.string(),
  provider: z.string(),
  endpoint: z.enum(["chat", "responses", "messages", "completions", "embeddings"]),
  contentType: z.string(),
  usage: z
    .object({
      inputTokens: z.number(),
      cachedInputTokens: z.number(),
      cacheWriteTokens: z.number(),
      outputTokens: z.number(),
      reasoningTokens: z.number(),
      cacheWrite1hTokens: z.exactOptional(z.number()),
      inputAudioTokens: z.exactOptional(z.number()),
      cachedAudioTokens: z.exactOptional(z.number()),
      outputAudioTokens: z.exactOptional(z.number()),
      outputImageTokens: z.exactOptional(z.number()),
      webSearches: z.exactOptional(z.number()),
      hasOtherCharges: z.exactOptional(z.literal(true)),
      serviceTier: z.exactOptional(z.string()),
    })
    .optional(),
  nanoUsd: z.number(),
  costStatus: z.enum(costStatuses),
  tags: z.record(z.string(), z.string()),
  storedAtEpochMs: z.number(),
  expiresAtEpochMs: z.number(),
  /** Of the chunks, where it is a stream. */
  lengths: z.array(z.int().nonnegative()).optional(),
});

function decodePlain(opened: Opened | undefined, name: AnswerName): StoredAnswer | undefined {
  if (opened?.kind !== plain || opened.length > opened.rest.length) return undefined;
  const header = headerSchema.safeParse(parse(opened.rest.toString("utf8", 0, opened.length)));
  if (!header.success) return undefined;
  const { key, lengths, usage, ...rest } = header.data;
  if (key !== name.key || rest.tenantId !== name.tenantId) return undefined;
  const body = bodyOf(opened.rest.subarray(opened.length), lengths);
  return body === undefined ? undefined : { ...rest, usage, body };
}

function bodyOf(bytes: Buffer, lengths: readonly number[] | undefined): StoredBody | undefined {
  if (lengths === undefined) return { kind: "whole", bytes };
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const length of lengths) {
    chunks.push(bytes.subarray(at, at + length));
    at += length;
  }
  return at === bytes.length ? { kind: "events", chunks } : undefined;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined; // Its checksum fits, and still it is not ours.
  }
}
