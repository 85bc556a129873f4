import type { Endpoint } from "../../protocol/endpoints.ts";
import type { Usage } from "../../protocol/usage.ts";
import type { CostStatus } from "../cost/cost-status.ts";

/** The endpoints whose answers may be kept. */
export type CachedEndpoint = Extract<
  Endpoint,
  "chat" | "responses" | "messages" | "completions" | "embeddings"
>;

/**
 * The bytes as upstream sent them: of a whole answer its body; of a stream its events, one a chunk, so that a replay
 * has the same boundaries, without the `[DONE]` that the gateway adds.
 */
export type StoredBody =
  | { readonly kind: "whole"; readonly bytes: Uint8Array }
  | { readonly kind: "events"; readonly chunks: readonly Uint8Array[] };

/** An answer as upstream sent it, with what is needed to serve it again in both modes. */
export interface StoredAnswer {
  /** Whose request produced it (ULID): it is purged by it, and the audit record of a hit names it. */
  readonly requestId: string;
  readonly tenantId: string;
  /** As the client asked for it. */
  readonly model: string;
  readonly servedModel: string;
  readonly provider: string;
  readonly endpoint: CachedEndpoint;
  readonly contentType: string;
  readonly body: StoredBody;
  readonly usage: Usage | undefined;
  /** What it cost when it was made: a hit saves that. */
  readonly nanoUsd: number;
  readonly costStatus: CostStatus;
  readonly tags: Readonly<Record<string, string>>;
  readonly storedAtEpochMs: number;
  readonly expiresAtEpochMs: number;
}

/** Which answers of a tenant are to be forgotten: all of them, or those to which each field that is there applies. */
export interface Purge {
  readonly tenantId: string;
  readonly model?: string;
  readonly requestId?: string;
  readonly tag?: { readonly name: string; readonly value: string };
}

/** The exact tier's second level. A failure rejects; whoever asks goes on without. */
export interface ExactStore extends AsyncDisposable {
  /** Never one that is over or purged. */
  get(tenantId: string, key: string): Promise<StoredAnswer | undefined>;
  put(key: string, answer: StoredAnswer): Promise<void>;
  /** How many it forgot. */
  purge(what: Purge): Promise<number>;
}

/** Both levels of the exact tier. What is put is in memory before `put` returns. */
export interface ExactCache extends ExactStore {
  /** At once, what this process has: to be asked before `get`, which costs a promise. */
  peek(tenantId: string, key: string): StoredAnswer | undefined;
}

/** The bytes of an answer's body, which is nearly all that it weighs. */
export function bodyBytes(body: StoredBody): number {
  if (body.kind === "whole") return body.bytes.length;
  return body.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
}
