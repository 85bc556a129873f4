import { randomBytes } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { expect, test } from "vitest";

import { openSqliteReader } from "../../../../src/stores/sqlite/books/reader.ts";
import { openSqliteSink } from "../../../../src/stores/sqlite/books/sinks.ts";
import { anEntry, takeRecords } from "../../../support/audit-builders.ts";
import { tempFolder } from "../../../support/temp-folder.ts";

const startMs = Date.UTC(2026, 10, 20);
const dayMs = 86_400_000;
const everything = { tenantId: "acme", fromMs: 0, toMs: startMs + 9 * dayMs, limit: 50 };

test("where nothing has been written there is nothing, and no file is made", async () => {
  await using folder = await tempFolder();
  await using reader = await openSqliteReader({ dataDir: join(folder.path, "data") });
  expect(await reader.list(everything)).toEqual({ records: [], next: undefined });
  expect(await reader.usage({ ...everything, groupBy: ["model"] })).toEqual([]);
  expect(await reader.budgetsSpent(startMs)).toEqual([]);
});

test("its thread ends when nobody asks, and starts again for the next question", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
  await takeRecords(sink, [anEntry(startMs)]);
  await using reader = await openSqliteReader({ dataDir, idleMs: 1 });
  for (let time = 0; time < 5; time += 1) {
    expect((await reader.list(everything)).records).toHaveLength(1);
    await expect.poll(() => workers()).toBe(0);
  }
});

test("many questions at once are all answered, and beyond the bound they are refused at once", async () => {
  await using folder = await tempFolder();
  await using reader = await openSqliteReader({ dataDir: join(folder.path, "data") });
  const asked = Array.from({ length: 200 }, () => reader.list(everything));
  await expect(reader.list(everything)).rejects.toMatchObject({ kind: "store_unavailable" });
  expect(await Promise.all(asked)).toHaveLength(200);
});

test("a file that vanishes between two questions is no error, and one that comes back is read", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  const chainKey = randomBytes(32);
  const entry = anEntry(startMs);
  {
    await using sink = await openSqliteSink({ dataDir, chainKey });
    await takeRecords(sink, [entry, anEntry(startMs + dayMs)]);
  }
  await using reader = await openSqliteReader({ dataDir });
  expect((await reader.list(everything)).records).toHaveLength(2);
  await rm(join(dataDir, "audit", "audit-20261120.db"));
  expect((await reader.list(everything)).records).toHaveLength(1);
  expect(await reader.get("acme", entry.id)).toBeUndefined();
  await using sink = await openSqliteSink({ dataDir, chainKey });
  await takeRecords(sink, [entry]);
  expect((await reader.get("acme", entry.id))?.id).toBe(entry.id);
});

test("a damaged file is said to be unavailable, and the thread goes on", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  {
    await using sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
    await takeRecords(sink, [anEntry(startMs), anEntry(startMs - dayMs)]);
  }
  const path = join(dataDir, "audit", "audit-20261120.db");
  await writeFile(path, "not a database, but long enough to have a header ".repeat(200));
  await using reader = await openSqliteReader({ dataDir });
  await expect(reader.list(everything)).rejects.toMatchObject({ kind: "store_unavailable" });
  expect((await reader.list({ ...everything, toMs: startMs })).records).toHaveLength(1);
});

test("after it was closed it says that it is unavailable", async () => {
  await using folder = await tempFolder();
  const reader = await openSqliteReader({ dataDir: join(folder.path, "data") });
  await reader.list(everything);
  await reader[Symbol.asyncDispose]();
  await expect(reader.list(everything)).rejects.toMatchObject({ kind: "store_unavailable" });
});

test("sums beyond what SQLite can add are still exact", async () => {
  await using folder = await tempFolder();
  const dataDir = join(folder.path, "data");
  await using sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
  await takeRecords(sink, [anEntry(startMs, { key: "a" }), anEntry(startMs, { key: "b" })]);
  const database = new DatabaseSync(join(dataDir, "ledger.db"));
  database.exec("UPDATE usage_days SET input_tokens = 9223372036854775800");
  database.close();
  await using reader = await openSqliteReader({ dataDir });
  const [row] = await reader.usage({ ...everything, groupBy: ["day"] });
  expect(row?.sums.input_tokens).toBe(18_446_744_073_709_551_600n);
  expect(row?.sums.requests).toBe(2n);
  // And a row that is full stays full, rather than stop the ledger.
  await takeRecords(sink, [anEntry(startMs, { key: "a" })]);
  const [a] = await reader.usage({ ...everything, groupBy: ["key"] });
  expect(a?.sums).toMatchObject({ input_tokens: 9_223_372_036_854_775_807n, requests: 2n });
});

test(
  "a call goes through a bounded number of files, and the next one goes on from there",
  { timeout: 60_000 },
  async () => {
    await using folder = await tempFolder();
    const dataDir = join(folder.path, "data");
    await using sink = await openSqliteSink({ dataDir, chainKey: randomBytes(32) });
    const days = Array.from({ length: 130 }, (_, index) => anEntry(startMs - index * dayMs));
    const oldest = anEntry(startMs - 130 * dayMs, { cost_nano_usd: 9_000_000 });
    await takeRecords(sink, [...days, oldest]);
    await using reader = await openSqliteReader({ dataDir });
    // Below the first step of the index of costs, so that every day is looked through.
    const asked = { ...everything, minCostNanoUsd: 8_000_000 };
    const first = await reader.list(asked);
    expect(first.records).toEqual([]);
    const second = await reader.list({ ...asked, after: first.next });
    expect(second.records.map(({ id }) => id)).toEqual([oldest.id]);
    expect(second.next).toBeUndefined();
  },
);

/** Threads of this process that are still there. */
function workers(): number {
  return (
    process.getActiveResourcesInfo().filter((name) => name === "Worker" || name === "MessagePort")
      .length - atStart
  );
}
const atStart = process
  .getActiveResourcesInfo()
  .filter((name) => name === "Worker" || name === "MessagePort").length;
