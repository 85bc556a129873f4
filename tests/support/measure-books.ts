import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import type { AuditQuery } from "../../src/pipeline/audit/audit-log.ts";
import type { UsageQuery } from "../../src/pipeline/cost/usage-ledger.ts";
import { openSqliteReader } from "../../src/stores/sqlite/books/reader.ts";
import type { SqliteReader } from "../../src/stores/sqlite/books/reader.ts";
import { openSqliteSink } from "../../src/stores/sqlite/books/sinks.ts";
import { aCacheEntry, anEntry } from "./audit-builders.ts";
import { chainedWriter } from "./chained-writer.ts";
import { seededRandom } from "./seeded-random.ts";

/** What the books are asked, and in how many milliseconds they are to answer. */
export const pageMsMax = 50;
export const usageMsMax = 200;

export interface BooksFigures {
  readonly recordsPerSecond: number;
  readonly cpuMicrosPerRecord: number;
  readonly textBytes: number;
  readonly questions: readonly QuestionFigures[];
}

export interface QuestionFigures {
  readonly name: string;
  /** Of one call. The worst is that of a thread that has just started, with every file closed. */
  readonly medianMs: number;
  readonly worstMs: number;
  /** Until the page was full, or there was nothing more. */
  readonly pages: number;
  readonly rows: number;
  /** The median is within the goal. */
  readonly isBounded: boolean;
}

const days = 30;
const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 9, 1);
const batchRecords = 250;
const timesAsked = 9;

/** Fills new books with requests of three tenants, one of which makes nine tenths, then asks them. */
export async function measureBooks(options: {
  readonly dataDir: string;
  readonly records: number;
  readonly chainKey: Buffer;
}): Promise<BooksFigures> {
  const written = await write(options);
  const questions: QuestionFigures[] = [];
  for (const [name, query] of Object.entries(pages)) {
    questions.push(
      await measure(options.dataDir, name, pageMsMax, (reader) => page(reader, query)),
    );
  }
  for (const [name, query] of Object.entries(sums)) {
    const ask = async (reader: SqliteReader) => ({
      rows: (await reader.usage({ ...month, ...query })).length,
      pages: 1,
    });
    questions.push(await measure(options.dataDir, name, usageMsMax, ask));
  }
  return { ...written, questions };
}

async function write({ dataDir, records, chainKey }: Parameters<typeof measureBooks>[0]) {
  await using sink = await openSqliteSink({ dataDir, chainKey });
  const writer = chainedWriter(chainKey, { startedEpochMs: startMs });
  const random = seededRandom(1);
  let [textBytes, takenMs, cpuMicros] = [0, 0, 0];
  for (let from = 0; from < records; from += batchRecords) {
    const count = Math.min(batchRecords, records - from);
    const entries = Array.from({ length: count }, (_, index) =>
      aRequest(startMs + ((from + index) / records) * days * dayMs, from + index, random),
    );
    const lines = writer.lines(entries);
    for (const { text } of lines) textBytes += text.length;
    const [cpuBefore, before] = [process.cpuUsage(), performance.now()];
    await sink.take({ writer: writer.writer, lines, mark: { segment: 1, offset: from } });
    const { user, system } = process.cpuUsage(cpuBefore);
    takenMs += performance.now() - before;
    cpuMicros += user + system;
  }
  return {
    recordsPerSecond: records / (takenMs / 1_000),
    cpuMicrosPerRecord: cpuMicros / records,
    textBytes,
  };
}

const outcomes = [
  { status: 429, outcome: "rate_limit_exceeded" },
  { status: 502, outcome: "upstream_error" },
  { status: 499, outcome: "client_closed_request" },
];

/** A hundred keys, twenty models, four providers; one in fifty fails, one in ten thousand costs a dollar. */
function aRequest(startedMs: number, index: number, random: () => number): AuditEntry {
  const pick = (many: number): number => Math.floor(random() * many);
  const failed = random() < 0.02 ? outcomes[pick(3)] : undefined;
  const isHit = random() < 0.05;
  const model = pick(20);
  return anEntry(Math.floor(startedMs), {
    tenant: random() < 0.9 ? "acme" : `other${pick(2)}`,
    key: `key${pick(100)}`,
    model: `model-${model}`,
    served_model: `served-${model}`,
    provider: `provider-${model % 4}`,
    cost_nano_usd: index % 10_000 === 7 ? 1_500_000_000 : pick(5_000_000),
    tags: { team: `team-${pick(20)}`, user: `user-${pick(20_000)}` },
    attempts: [anAttempt],
    limits: { reserved_tokens: 1_000, reserved_nano_usd: 5_000_000, is_local: false },
    cache: isHit
      ? aCacheEntry({ outcome: "exact", saved_nano_usd: 1_000, saved_input_tokens: 100 })
      : aCacheEntry({ outcome: "miss" }),
    ...failed,
  });
}

const anAttempt: AuditEntry["attempts"][number] = {
  provider: "openai",
  model: "gpt-5",
  provider_key: "0a1b2c3d",
  started_ms: 0.4,
  duration_ms: 811.2,
  status: 200,
  error_kind: null,
  usage: null,
  cost_nano_usd: 123_450,
  cost_status: "exact",
};

const month = { tenantId: "acme", fromMs: startMs, toMs: startMs + days * dayMs };
const firstPage = { ...month, limit: 50 };

const pages: Readonly<Record<string, AuditQuery>> = {
  "page: everything": firstPage,
  "page: everything, from the middle on": { ...firstPage, toMs: startMs + 15 * dayMs },
  "page: a key": { ...firstPage, keyId: "key42" },
  "page: a model": { ...firstPage, model: "model-7" },
  "page: a provider and a model": { ...firstPage, provider: "provider-3", model: "served-3" },
  "page: an outcome": { ...firstPage, outcome: "upstream_error" },
  "page: a status and a key": { ...firstPage, status: 429, keyId: "key9" },
  "page: answers of the cache": { ...firstPage, cache: "exact" },
  "page: a tag of one in twenty": { ...firstPage, tag: { name: "team", value: "team-3" } },
  "page: a tag of one in twenty thousand": {
    ...firstPage,
    tag: { name: "user", value: "user-77" },
  },
  "page: a tag that nobody has": { ...firstPage, tag: { name: "user", value: "nobody" } },
  "page: a dollar and more": { ...firstPage, minCostNanoUsd: 1_000_000_000 },
  "page: almost half a cent and more": { ...firstPage, minCostNanoUsd: 4_990_000 },
  "page: a small tenant": { ...firstPage, tenantId: "other1" },
  "page: a tenant that has nothing": { ...firstPage, tenantId: "nobody" },
};

const sums: Readonly<Record<string, Pick<UsageQuery, "groupBy">>> = {
  "usage of a month: by model": { groupBy: ["model"] },
  "usage of a month: by day and model": { groupBy: ["day", "model"] },
  "usage of a month: by key": { groupBy: ["key"] },
  "usage of a month: by tag": { groupBy: ["tag"] },
};

/** Asks for further pages until one is full, as a client does. */
async function page(reader: SqliteReader, query: AuditQuery) {
  let [rows, calls, after]: [number, number, string | undefined] = [0, 0, undefined];
  do {
    const found = await reader.list({ ...query, limit: query.limit - rows, after });
    calls += 1;
    rows += found.records.length;
    after = found.next;
  } while (after !== undefined && rows < query.limit);
  return { rows, pages: calls };
}

async function measure(
  dataDir: string,
  name: string,
  goalMs: number,
  ask: (reader: SqliteReader) => Promise<{ readonly rows: number; readonly pages: number }>,
): Promise<QuestionFigures> {
  await using reader = await openSqliteReader({ dataDir });
  const times: number[] = [];
  let answer = { rows: 0, pages: 0 };
  for (let time = 0; time < timesAsked; time += 1) {
    const before = performance.now();
    answer = await ask(reader);
    times.push((performance.now() - before) / answer.pages);
  }
  times.sort((left, right) => left - right);
  const medianMs = times[Math.floor(times.length / 2)] ?? 0;
  const worstMs = times.at(-1) ?? 0;
  return { name, medianMs, worstMs, ...answer, isBounded: medianMs <= goalMs };
}
