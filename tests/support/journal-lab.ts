import { newId } from "../../src/lib/ids.ts";
import { usdText } from "../../src/lib/usd.ts";
import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import type { StartRecord } from "../../src/pipeline/journal.ts";
import type { DiskJournal, JournalEvent } from "../../src/stores/disk/disk-journal.ts";
import { parseLine } from "../../src/stores/disk/journal-line.ts";
import type { JournalLine, RecordLine } from "../../src/stores/disk/journal-line.ts";
import { listWriters } from "../../src/stores/disk/journal-files.ts";
import { openJournal } from "../../src/stores/disk/open-journal.ts";
import type { JournalOptions } from "../../src/stores/disk/open-journal.ts";
import { readLines } from "../../src/stores/disk/read-lines.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { aCacheEntry } from "./audit-builders.ts";

export const chainKey = Buffer.alloc(32, 3);

/** A journal in `dataDir` with what a test does not care about filled in, and the events it has told. */
export async function startJournal(
  dataDir: string,
  options: Partial<JournalOptions> = {},
): Promise<{ journal: DiskJournal; events: JournalEvent[] } & AsyncDisposable> {
  const events: JournalEvent[] = [];
  const journal = await openJournal({
    dataDir,
    chainKey,
    clock: systemClock,
    bytesMax: 1024 ** 3,
    keepMs: 3_600_000,
    isShared: false,
    onDiskFull: "continue",
    onEvent: (event) => events.push(event),
    ...options,
  });
  return { journal, events, [Symbol.asyncDispose]: () => journal[Symbol.asyncDispose]() };
}

export function startRecord(changes: Partial<StartRecord> = {}): StartRecord {
  return {
    id: newId(),
    tenant: "acme",
    key: "key-1",
    endpoint: "chat",
    model: "gpt-5-mini",
    stream: true,
    route: null,
    tags: {},
    client_request_id: null,
    input_tokens: 1_200,
    input_nano_usd: 300_000,
    cost_status: "estimated",
    lease: null,
    ...changes,
  };
}

/** About as long as a usual one: 1.3 KB. */
export function auditEntry(changes: Partial<AuditEntry> = {}): AuditEntry {
  const usage = {
    input_tokens: 1_187,
    cached_input_tokens: 1_024,
    cache_write_tokens: 0,
    output_tokens: 250,
    reasoning_tokens: 64,
    source: "provider",
  } as const;
  const cost_nano_usd = changes.cost_nano_usd ?? 812_500;
  return {
    id: newId(),
    object: "audit.record",
    started_at: "2026-01-31T12:00:00.000Z",
    ended_at: "2026-01-31T12:00:02.500Z",
    tenant: "acme",
    key: "key-1",
    endpoint: "chat",
    model: "gpt-5-mini",
    served_model: "gpt-5-mini-2026-01-01",
    provider: "openai",
    stream: true,
    status: 200,
    outcome: "ok",
    error: null,
    route: {
      name: "fast",
      strategy: "priority",
      candidates: ["openai/gpt-5-mini", "claude/claude-haiku-4-5"],
      pinned_to: null,
    },
    attempts: [
      {
        provider: "openai",
        model: "gpt-5-mini",
        provider_key: "a1b2c3d4",
        started_ms: 1,
        duration_ms: 2_498,
        status: 200,
        error_kind: null,
        usage,
        cost_nano_usd,
        cost_status: "exact",
      },
    ],
    latency_ms: 2_500,
    ttft_ms: 430,
    overhead_us: 180,
    usage,
    cost_usd: usdText(cost_nano_usd),
    cost_status: "exact",
    price: { source: "genai-prices", version: "0.1.8" },
    limits: { reserved_tokens: 1_600, reserved_nano_usd: 900_000, is_local: false },
    cache: aCacheEntry(),
    shield: [],
    tags: { team: "search", feature: "summary" },
    user_agent: "OpenAI/Python 2.1.0",
    client_request_id: null,
    trace_id: null,
    degraded: [],
    prompt_hash: "0f".repeat(32),
    payload: null,
    ...changes,
    cost_nano_usd,
  };
}

/** What one writer's journal holds, and how many of its lines cannot be understood. */
export async function linesOf(
  dataDir: string,
  writer: string,
): Promise<{ lines: JournalLine[]; damaged: number }> {
  const lines: JournalLine[] = [];
  let damaged = 0;
  for await (const { text, isTorn } of readLines({ dataDir, writer, isEnded: true })) {
    const line = isTorn ? undefined : parseLine(writer, text);
    if (line === undefined) damaged++;
    else lines.push(line);
  }
  return { lines, damaged };
}

export async function recordsOf(dataDir: string, writer: string): Promise<RecordLine[]> {
  const { lines } = await linesOf(dataDir, writer);
  return lines.filter((line) => line.kind === "record");
}

/** Of every writer in the directory. */
export async function allRecords(dataDir: string): Promise<RecordLine[]> {
  const writers = await listWriters(dataDir);
  return (await Promise.all(writers.map((writer) => recordsOf(dataDir, writer)))).flat();
}
