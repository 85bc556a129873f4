import { ulid } from "ulid";

import type { StoredAnswer, StoredBody } from "../../src/pipeline/cache/cache-store.ts";

const hourMs = 3_600_000;

/** A moment of the tests: answers' ids are as old as their requests. */
export const startEpochMs = Date.UTC(2026, 10, 21, 12);

export const wholeBody = (text: string): StoredBody => ({
  kind: "whole",
  bytes: Buffer.from(text),
});

/** An answer whose request began at `begunEpochMs`, and that was stored half a second later for an hour. */
export function anAnswer(
  fields: Partial<StoredAnswer> & { readonly begunEpochMs?: number } = {},
): StoredAnswer {
  const { begunEpochMs = startEpochMs, ...rest } = fields;
  return {
    requestId: ulid(begunEpochMs),
    tenantId: "acme",
    model: "gpt-5",
    servedModel: "gpt-5-2026-01-01",
    provider: "openai",
    endpoint: "chat",
    contentType: "application/json",
    body: wholeBody('{"id":"chatcmpl-1"}'),
    usage: {
      inputTokens: 12,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      outputTokens: 7,
      reasoningTokens: 0,
      serviceTier: "flex",
    },
    nanoUsd: 123_456,
    costStatus: "exact",
    tags: { team: "search" },
    storedAtEpochMs: begunEpochMs + 500,
    expiresAtEpochMs: begunEpochMs + hourMs,
    ...rest,
  };
}

/** What can be compared: whose memory the bytes are in makes no difference. */
export function comparable(answer: StoredAnswer | undefined): unknown {
  if (answer === undefined) return undefined;
  const { body, ...rest } = answer;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  return { ...rest, body: body.kind === "whole" ? hex(body.bytes) : body.chunks.map(hex) };
}
