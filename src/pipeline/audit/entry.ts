import type { Endpoint } from "../../protocol/endpoints.ts";
import type { CostStatus } from "../cost/cost-status.ts";

/**
 * One request as it is written down, in the words and the order of `/v1/audit`: the text that is journalled is
 * the text that is hashed, kept and shown. Never a prompt, an answer, a key or a provider's message.
 */
export interface AuditEntry {
  readonly id: string;
  readonly object: "audit.record";
  /** ISO 8601, UTC, milliseconds: the time in `id`. */
  readonly started_at: string;
  readonly ended_at: string;
  readonly tenant: string;
  readonly key: string;
  readonly endpoint: Endpoint;
  /** As the client named it. */
  readonly model: string;
  /** As the provider that served names it; null where none was asked. */
  readonly served_model: string | null;
  readonly provider: string | null;
  readonly stream: boolean;
  /** HTTP's; 499 for a client that left. */
  readonly status: number;
  /** `ok`, `interrupted`, or the kind of the failure. */
  readonly outcome: string;
  /** The code and field of the error that the client got. */
  readonly error: { readonly code: string | null; readonly param: string | null } | null;
  /** Null where no route was found or looked for. */
  readonly route: RouteEntry | null;
  readonly attempts: readonly AttemptEntry[];
  readonly latency_ms: number;
  /** To the first event or the whole answer. */
  readonly ttft_ms: number | null;
  readonly overhead_us: number;
  /** Of all attempts together; null where nothing is known to have been used. */
  readonly usage: UsageEntry | null;
  readonly cost_nano_usd: number;
  /** The same amount for people and JSON readers without 64-bit integers: `"0.000123450"`. */
  readonly cost_usd: string;
  readonly cost_status: CostStatus;
  /** The price that was used for the attempt that served. */
  readonly price: PriceEntry | null;
  readonly limits: LimitsEntry | null;
  readonly cache: CacheEntry;
  readonly shield: readonly ShieldEntry[];
  readonly tags: Readonly<Record<string, string>>;
  readonly user_agent: string | null;
  readonly client_request_id: string | null;
  readonly trace_id: string | null;
  /** The parts that were down. */
  readonly degraded: readonly string[];
  /** HMAC-SHA-256 of the request's body with a key of the tenant's own, hexadecimal; null for one that never was read. */
  readonly prompt_hash: string | null;
  /** Where the tenant has prompts and answers kept: what was, so that the chain covers it. */
  readonly payload: PayloadEntry | null;
}

export interface RouteEntry {
  /** The alias, or the model's own name. */
  readonly name: string;
  readonly strategy: string;
  /** Every target that could have served, as `provider/model`, in the order of the configuration. */
  readonly candidates: readonly string[];
  /** The provider that the client asked for, or that holds the stored response. */
  readonly pinned_to: string | null;
}

export interface AttemptEntry {
  readonly provider: string;
  readonly model: string;
  /** Which of the provider's keys: a short hash. */
  readonly provider_key: string | null;
  /** After the request began. */
  readonly started_ms: number;
  readonly duration_ms: number;
  readonly status: number | null;
  readonly error_kind: string | null;
  readonly usage: UsageEntry | null;
  readonly cost_nano_usd: number;
  readonly cost_status: CostStatus;
}

export interface UsageEntry {
  readonly input_tokens: number;
  readonly cached_input_tokens: number;
  readonly cache_write_tokens: number;
  readonly output_tokens: number;
  readonly reasoning_tokens: number;
  readonly source: "provider" | "estimated";
  /** Where the vendor tells more. */
  readonly cache_write_1h_tokens?: number;
  readonly input_audio_tokens?: number;
  readonly cached_audio_tokens?: number;
  readonly output_audio_tokens?: number;
  readonly service_tier?: string;
}

export interface PriceEntry {
  /** `operator`, `genai-prices`, `built-in`. */
  readonly source: string;
  readonly version: string;
}

/** What was set aside when it was admitted. What was used in its place is the record's usage and cost. */
export interface LimitsEntry {
  readonly reserved_tokens: number;
  readonly reserved_nano_usd: number;
  /** Admitted by this process alone, because the shared store did not answer. */
  readonly is_local: boolean;
}

/** Records that older versions wrote have neither `reason` nor tokens saved. */
export interface CacheEntry {
  readonly outcome: "exact" | "semantic" | "miss" | "bypass";
  /** Why the cache had nothing to do with it. */
  readonly reason?: string | null;
  readonly similarity: number | null;
  /** The request whose answer it was. */
  readonly from: string | null;
  /** What the answer cost when it was made, and would have cost again. */
  readonly saved_nano_usd: number;
  readonly saved_input_tokens?: number;
  readonly saved_output_tokens?: number;
}

export interface ShieldEntry {
  readonly rule: string;
  readonly action: string;
  readonly span_hash: string;
}

export interface PayloadEntry {
  readonly prompt_sha256: string;
  readonly answer_sha256: string;
  readonly prompt_bytes: number;
  readonly answer_bytes: number;
  /** Only the beginning was kept. */
  readonly cut: boolean;
}

/** A later word on a request: a judge's score, feedback, a correction. A record of the chain like any other. */
export interface AuditAmendment {
  readonly id: string;
  readonly object: "audit.amendment";
  readonly request_id: string;
  readonly tenant: string;
  readonly at: string;
  readonly kind: string;
  readonly data: Readonly<Record<string, unknown>>;
}

export type AuditRecord = AuditEntry | AuditAmendment;
