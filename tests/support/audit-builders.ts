import { createHash } from "node:crypto";

import { ulid } from "ulid";

import { usdText } from "../../src/lib/usd.ts";
import type {
  AuditAmendment,
  AuditEntry,
  AuditRecord,
  CacheEntry,
  UsageEntry,
} from "../../src/pipeline/audit/entry.ts";
import type { PayloadRecord } from "../../src/pipeline/journal.ts";
import type { JournalLine, PayloadLine, RecordLine } from "../../src/stores/disk/journal-line.ts";
import type { JournalBatch, JournalSink, TakenBatch } from "../../src/stores/disk/journal-sink.ts";

/** A whole record of a request that began at this instant; the other fields as they usually are. */
export function anEntry(startedEpochMs: number, different: Partial<AuditEntry> = {}): AuditEntry {
  const cost = different.cost_nano_usd ?? 123_450;
  const entry: AuditEntry = {
    id: ulid(startedEpochMs),
    object: "audit.record",
    started_at: new Date(startedEpochMs).toISOString(),
    ended_at: new Date(startedEpochMs + 812).toISOString(),
    tenant: "acme",
    key: "key1",
    endpoint: "chat",
    model: "smart",
    served_model: "gpt-5",
    provider: "openai",
    stream: true,
    status: 200,
    outcome: "ok",
    error: null,
    route: { name: "smart", strategy: "ordered", candidates: ["openai/gpt-5"], pinned_to: null },
    attempts: [],
    latency_ms: 812.4,
    ttft_ms: 204.1,
    overhead_us: 310,
    usage: aUsage(),
    cost_nano_usd: cost,
    cost_usd: usdText(cost),
    cost_status: "exact",
    price: { source: "genai-prices", version: "1" },
    limits: null,
    cache: aCacheEntry(),
    shield: [],
    tags: {},
    user_agent: "openai-python/2.0",
    client_request_id: null,
    trace_id: null,
    degraded: [],
    prompt_hash: "0".repeat(64),
    payload: null,
  };
  return { ...entry, ...different };
}

export const aCacheEntry = (different: Partial<CacheEntry> = {}): CacheEntry => ({
  outcome: "bypass",
  reason: null,
  similarity: null,
  from: null,
  saved_nano_usd: 0,
  saved_input_tokens: 0,
  saved_output_tokens: 0,
  ...different,
});

/** A request that the cache answered: nobody was asked, and nothing was used. */
export const aHit = (
  startedEpochMs: number,
  cache: Partial<CacheEntry> = {},
  different: Partial<AuditEntry> = {},
): AuditEntry =>
  anEntry(startedEpochMs, {
    served_model: null,
    provider: null,
    usage: null,
    price: null,
    cost_nano_usd: 0,
    cache: aCacheEntry({ outcome: "exact", from: ulid(startedEpochMs - 1_000), ...cache }),
    ...different,
  });

/** What the field held before tokens were counted. */
export const anOldCacheEntry = (different: Partial<CacheEntry> = {}): CacheEntry => ({
  outcome: "bypass",
  similarity: null,
  from: null,
  saved_nano_usd: 0,
  ...different,
});

export const aUsage = (different: Partial<UsageEntry> = {}): UsageEntry => ({
  input_tokens: 100,
  cached_input_tokens: 10,
  cache_write_tokens: 5,
  output_tokens: 50,
  reasoning_tokens: 20,
  source: "provider",
  ...different,
});

export const anAmendment = (
  of: AuditEntry,
  different: Partial<AuditAmendment> = {},
): AuditAmendment => {
  const atMs = Date.parse(of.started_at) + 60_000;
  const kind = "feedback";
  const [id, at] = [ulid(atMs), new Date(atMs).toISOString()];
  const request_id = of.id;
  const data = { score: 1 };
  return {
    id,
    object: "audit.amendment",
    request_id,
    tenant: of.tenant,
    at,
    kind,
    data,
    ...different,
  };
};

/** A process that journals: makes lines with places in a chain of its own, whose hashes are made up. */
export interface TestWriter {
  readonly writer: string;
  line(record: AuditRecord): RecordLine;
  lines(records: readonly AuditRecord[]): RecordLine[];
  payload(payload: PayloadRecord): PayloadLine;
  /** A batch whose mark is after all the lines that were put in a batch before. */
  batch(lines: readonly JournalLine[]): JournalBatch;
}

export function aWriter(startedEpochMs = Date.now()): TestWriter {
  const writer = ulid(startedEpochMs);
  let seq = 0;
  let prevHash = "0".repeat(64);
  let offset = 0;
  const line = (record: AuditRecord): RecordLine => {
    const text = JSON.stringify(record);
    seq += 1;
    const hash = createHash("sha256").update(`${prevHash} ${seq} ${text}`).digest("hex");
    const chain = { writer, seq, prevHash, hash };
    prevHash = hash;
    return { kind: "record", record, text, chain, lease: undefined };
  };
  return {
    writer,
    line,
    lines: (records) => records.map(line),
    payload: (payload) => ({ kind: "payload", payload }),
    batch: (lines) => {
      offset += lines.length * 1_000;
      return { writer, lines, mark: { segment: 1, offset } };
    },
  };
}

/** Has a sink take these records, as a new writer's, in one batch. */
export function takeRecords(
  sink: JournalSink,
  records: readonly AuditRecord[],
): Promise<TakenBatch> {
  const writer = aWriter();
  return sink.take(writer.batch(writer.lines(records)));
}
