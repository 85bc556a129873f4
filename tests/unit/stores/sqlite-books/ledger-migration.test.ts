import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import type { UsageQuery } from "../../../../src/pipeline/cost/usage-ledger.ts";
import { periodIdsOf } from "../../../../src/pipeline/limits/budget-periods.ts";
import { idBytes } from "../../../../src/stores/sqlite/books/id-bytes.ts";
import { openSqliteReader } from "../../../../src/stores/sqlite/books/reader.ts";
import type { SqliteReader } from "../../../../src/stores/sqlite/books/reader.ts";
import { openSqliteSink } from "../../../../src/stores/sqlite/books/sinks.ts";
import { aHit, anEntry, takeRecords } from "../../../support/audit-builders.ts";
import { anEvaluation } from "../../../support/judge-builders.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const startMs = Date.UTC(2026, 10, 20);
const firstSchema = readFileSync(
  new URL("../../../../src/stores/sqlite/books/ledger-migrations/0001-ledger.sql", import.meta.url),
  "utf8",
);

/** One request that was counted by the first schema: 1 of each thing, and 500 nano-dollars saved by a hit. */
const counted = anEntry(startMs, { tags: { team: "a" }, cost_nano_usd: 900 });
const sumsThen = [3, 0, 300, 30, 15, 150, 60, 900, 0, 3, 0, 0, 1, 500];

/** A ledger as the version before wrote it, with three requests of one key in one hour. */
function writeFirstSchema(path: string): void {
  mkdirSync(dirname(path), { recursive: true });
  const database = new DatabaseSync(path);
  database.exec("PRAGMA journal_mode = WAL");
  database.exec(firstSchema);
  database.exec("PRAGMA user_version = 1");
  const insert = (table: string, values: readonly (string | number | Uint8Array)[]): void => {
    const places = values.map(() => "?").join(", ");
    database.prepare(`INSERT INTO ${table} VALUES (${places})`).run(...values);
  };
  const { tenant, key, model } = counted;
  const names = [key, model, "gpt-5", "openai"];
  insert("usage_hours", [tenant, startMs / hourMs, ...names, ...sumsThen]);
  insert("usage_days", [tenant, startMs / dayMs, ...names, ...sumsThen]);
  insert("tag_days", [tenant, startMs / dayMs, "team=a", model, ...sumsThen]);
  for (const period of periodIdsOf(startMs)) insert("spent", [period, tenant, "", 900]);
  insert("settled", [idBytes(counted.id), startMs / hourMs]);
  database.close();
}

const query = (groupBy: UsageQuery["groupBy"]): UsageQuery => ({
  tenantId: "acme",
  fromMs: startMs - dayMs,
  toMs: startMs + 2 * dayMs,
  groupBy,
});

/** Each way of reading: days, hours and tags are tables of their own. */
async function everySum(reader: SqliteReader) {
  const rows = [];
  for (const groupBy of [["key"], ["hour"], ["tag"]] as const) {
    rows.push(...(await reader.usage(query(groupBy))).map(({ sums }) => sums));
  }
  return rows;
}

const before = {
  requests: 3n,
  input_tokens: 300n,
  exact_nano_usd: 900n,
  cache_hits: 1n,
  saved_nano_usd: 500n,
  saved_input_tokens: 0n,
  saved_output_tokens: 0n,
};
const after = {
  ...before,
  requests: 4n,
  cache_hits: 2n,
  saved_nano_usd: 577n,
  saved_input_tokens: 11n,
  saved_output_tokens: 13n,
};
const aNewHit = () =>
  aHit(
    startMs + 1,
    { saved_nano_usd: 77, saved_input_tokens: 11, saved_output_tokens: 13 },
    { tags: { team: "a" }, served_model: "gpt-5", provider: "openai" },
  );

test("a ledger of the schema before keeps its sums and its guard, and counts on", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  writeFirstSchema(join(dataDir, "ledger.db"));
  await using reader = await openSqliteReader({ dataDir });
  // Nobody has opened it to write yet.
  expect(await everySum(reader)).toMatchObject([before, before, before]);
  expect(await reader.judge({ ...query([]), groupBy: [] })).toEqual([]);

  await using sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
  expect(await everySum(reader)).toMatchObject([before, before, before]);
  await takeRecords(sink, [counted, aNewHit(), anEvaluation(counted)]);
  expect(await everySum(reader)).toMatchObject([after, after, after]);
  const judged = await reader.judge({ ...query([]), groupBy: [] });
  expect(judged).toMatchObject([{ sums: { scored: 1n } }]);
  const spent = await reader.budgetsSpent(startMs);
  expect(spent.map(({ spentNanoUsd }) => spentNanoUsd)).toEqual(spent.map(() => 900n));
  expect(spent).toHaveLength(periodIdsOf(startMs).length);
});

test("a ledger that was begun before has the same columns as a new one", async () => {
  await using folder = await tempFolder();
  const [old, fresh] = [join(folder.path, "old"), join(folder.path, "fresh")];
  writeFirstSchema(join(old, "ledger.db"));
  for (const dataDir of [old, fresh]) {
    await using _sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
  }
  const columns = (dataDir: string) => {
    using database = new DatabaseSync(join(dataDir, "ledger.db"), { readOnly: true });
    const tables = ["usage_hours", "usage_days", "tag_days", "judge_days"];
    return tables.map((table) => database.prepare(`PRAGMA table_info(${table})`).all());
  };
  expect(columns(old)).toEqual(columns(fresh));
});

test("an old backup that is put back under a running gateway is brought up to date with the next record", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const path = join(dataDir, "ledger.db");
  await using sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
  await takeRecords(sink, [anEntry(startMs)]);
  await using reader = await openSqliteReader({ dataDir });
  expect(await everySum(reader)).toMatchObject([{ requests: 1n }, { requests: 1n }]);
  for (const suffix of ["", "-wal", "-shm"]) rmSync(`${path}${suffix}`, { force: true });
  writeFirstSchema(path);
  expect(await everySum(reader)).toMatchObject([before, before, before]);
  await takeRecords(sink, [aNewHit()]);
  expect(await everySum(reader)).toMatchObject([after, after, after]);
});
