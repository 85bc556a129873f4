import { deflateRawSync, inflateRawSync } from "node:zlib";

import type { ChainLink } from "../../disk/journal-line.ts";

/** A record, packed: what is read again is the text that was hashed, to the byte. */
export interface PackedRecord extends ChainLink {
  readonly text: string;
}

/**
 * One byte that says how, then deflated: chain, line feed, text. The dictionary holds what all records have in
 * common. Measured with records of 1.5 KB: 290 bytes in 37 µs, without it 880 bytes in 63 µs.
 */
export function packRecord({ text, writer, seq, prevHash, hash }: PackedRecord): Buffer {
  return pack(`${writer} ${seq} ${prevHash} ${hash}\n${text}`);
}

/** Undefined for one whose place is held only (`../backup.ts`), or of a version to come. */
export function unpackRecord(packed: Buffer): PackedRecord | undefined {
  const whole = unpack(packed);
  const end = whole?.indexOf("\n") ?? -1;
  if (whole === undefined || end === -1) return undefined;
  const [writer = "", seq, prevHash = "", hash = ""] = whole.slice(0, end).split(" ");
  return { text: whole.slice(end + 1), writer, seq: Number(seq), prevHash, hash };
}

export function pack(text: string): Buffer {
  return Buffer.concat([version, deflateRawSync(text, settings)]);
}

export function unpack(packed: Buffer): string | undefined {
  if (packed[0] !== version[0]) return undefined;
  return inflateRawSync(packed.subarray(1), { dictionary, windowBits: 15 }).toString("utf8");
}

/** What is packed in Redis can be read only with the dictionary that it was packed with: another one, another version. */
const version = Buffer.from([1]);

const usage =
  '{"input_tokens":1200,"cached_input_tokens":0,"cache_write_tokens":0,"output_tokens":250,"reasoning_tokens":0,"source":"provider"}';

/** What is most common comes last: matches that are near cost fewer bits. */
const dictionary = Buffer.from(
  [
    "client_closed_request upstream_error upstream_timeout no_healthy_upstream rate_limit_exceeded budget_exceeded interrupted estimated unpriced operator built-in semantic exact miss",
    '"error":{"code":null,"param":null},"cache_write_1h_tokens":0,"input_audio_tokens":0,"service_tier":"default",',
    '"prompt_sha256":"","answer_sha256":"","prompt_bytes":0,"answer_bytes":0,"cut":false}}',
    'python/2.0 AsyncOpenAI/Python 2.0 openai-node OpenAI/JS 6.0 anthropic-sdk "endpoint":"responses","endpoint":"embeddings","endpoint":"messages","provider":"anthropic","served_model":"claude-',
    '{"id":"01K","object":"audit.record","started_at":"2026-11-21T10:00:00.000Z","ended_at":"2026-11-21T10:00:00.000Z","tenant":"default","key":"","endpoint":"chat","model":"gpt-5","served_model":"gpt-5-2025-08-07","provider":"openai","stream":true,"status":200,"outcome":"ok","error":null,',
    '"route":{"name":"","strategy":"ordered","candidates":["openai/gpt-5","azure/gpt-5"],"pinned_to":null},"attempts":[{"provider":"openai","model":"gpt-5","provider_key":"","started_ms":0.4,"duration_ms":800.1,"status":200,"error_kind":null,',
    `"usage":${usage},"cost_nano_usd":1234500,"cost_status":"exact"}],"latency_ms":812.4,"ttft_ms":204.1,"overhead_us":310,`,
    `"usage":${usage},"cost_nano_usd":1234500,"cost_usd":"0.001234500","cost_status":"exact","price":{"source":"genai-prices","version":"2026-11-01"},`,
    '"limits":{"reserved_tokens":1000,"reserved_nano_usd":1000000,"is_local":false},"cache":{"outcome":"bypass","similarity":null,"from":null,"saved_nano_usd":0},"shield":[],"tags":{},"user_agent":"","client_request_id":null,"trace_id":null,"degraded":[],"prompt_hash":"","payload":null}',
  ].join(""),
);

const settings = { level: 3, memLevel: 5, windowBits: 13, dictionary } as const;
