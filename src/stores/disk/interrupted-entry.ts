import { decodeTime } from "ulid";

import { usdText } from "../../lib/usd.ts";
import type { AuditEntry } from "../../pipeline/audit/entry.ts";
import type { StartRecord } from "../../pipeline/journal.ts";

/** Nobody got this status: the connection broke with the process. It is the server's fault, so it counts as one. */
const interruptedStatus = 500;

/**
 * The record of a request whose process died before it could write one. What is known is in its start record: it
 * costs what its input may have cost, by the dearest of its targets. `lastSignEpochMs` is when its process was last
 * seen to live.
 */
export function interruptedEntry(start: StartRecord, lastSignEpochMs: number): AuditEntry {
  const startedEpochMs = decodeTime(start.id);
  const endedEpochMs = Math.max(startedEpochMs, Math.floor(lastSignEpochMs));
  return {
    id: start.id,
    object: "audit.record",
    started_at: new Date(startedEpochMs).toISOString(),
    ended_at: new Date(endedEpochMs).toISOString(),
    tenant: start.tenant,
    key: start.key,
    endpoint: start.endpoint,
    model: start.model,
    served_model: null,
    provider: null,
    stream: start.stream,
    status: interruptedStatus,
    outcome: "interrupted",
    error: null,
    route: start.route,
    attempts: [],
    latency_ms: endedEpochMs - startedEpochMs,
    ttft_ms: null,
    overhead_us: 0,
    usage: {
      input_tokens: start.input_tokens,
      cached_input_tokens: 0,
      cache_write_tokens: 0,
      output_tokens: 0,
      reasoning_tokens: 0,
      source: "estimated",
    },
    cost_nano_usd: start.input_nano_usd,
    cost_usd: usdText(start.input_nano_usd),
    cost_status: start.cost_status,
    price: null,
    limits: null,
    cache: {
      outcome: "bypass",
      reason: null,
      similarity: null,
      from: null,
      saved_nano_usd: 0,
      saved_input_tokens: 0,
      saved_output_tokens: 0,
    },
    shield: [],
    tags: start.tags,
    user_agent: null,
    client_request_id: start.client_request_id,
    trace_id: null,
    degraded: [],
    prompt_hash: null,
    payload: null,
  };
}
