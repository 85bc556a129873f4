import { mkdir, open, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { ExactStore } from "../../src/pipeline/cache/cache-store.ts";
import { logBytesMax } from "../../src/stores/sqlite/cache/database-file.ts";
import { openSqliteExactStore } from "../../src/stores/sqlite/cache/exact-store.ts";
import type { SqliteExactStoreOptions } from "../../src/stores/sqlite/cache/exact-store.ts";
import type { ManualClock } from "../support/manual-clock.ts";
import { manualClock } from "../support/manual-clock.ts";
import { untilTrue } from "../support/redis.ts";
import { anAnswer, startEpochMs } from "../support/stored-answers.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** What the cache's file does where it is lost, damaged, full or not to be had. */

let resources: AsyncDisposableStack;
let folder: string;
let path: string;
let clock: ManualClock;
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  folder = resources.use(await tempFolder()).path;
  path = join(folder, "cache.db");
  clock = manualClock(startEpochMs);
});
afterEach(() => resources.disposeAsync());

const openStore = (options: Partial<SqliteExactStoreOptions> = {}): ExactStore =>
  resources.use(
    openSqliteExactStore({ path, bytesMax: 64 * 1024 * 1024, answerMs: 10_000, clock, ...options }),
  );

/** A file that holds answers by the keys `k0`, `k1`, …, and is closed. */
async function makeFile(count: number, bytesEach = 2_000): Promise<void> {
  const store = openStore();
  for (let from = 0; from < count; from += 500) {
    const puts = Array.from({ length: Math.min(500, count - from) }, (_, index) =>
      store.put(`k${from + index}`, anAnswer({ body: noise(bytesEach) })),
    );
    await Promise.all(puts);
  }
  await store[Symbol.asyncDispose]();
}

const noise = (length: number) => ({
  kind: "whole" as const,
  bytes: crypto.getRandomValues(new Uint8Array(length)),
});

test("what was put is there after a restart; what was purged is not", async () => {
  await makeFile(3);
  const store = openStore();
  expect(await store.get("acme", "k2")).toBeDefined();
  await store.purge({ tenantId: "acme" });
  await store[Symbol.asyncDispose]();
  const again = openStore();
  expect(await again.get("acme", "k2")).toBeUndefined();
});

test("what was purged is in no file any more", async () => {
  const secret = "the-secret-in-the-answer";
  const store = openStore();
  const body = { kind: "whole" as const, bytes: Buffer.from(secret) };
  await store.put("k", anAnswer({ body }));
  const holdsSecret = async (file: string): Promise<boolean> =>
    (await readFile(file).catch(() => Buffer.alloc(0))).includes(secret);
  const files = [path, `${path}-wal`];
  expect((await Promise.all(files.map(holdsSecret))).includes(true)).toBe(true);
  await store.purge({ tenantId: "acme" });
  expect(await Promise.all(files.map(holdsSecret))).toEqual([false, false]);
});

test("a damaged row is a miss, and makes room for the next answer", async () => {
  await makeFile(2);
  const database = new DatabaseSync(path);
  database.exec(
    "UPDATE bodies SET bytes = CAST(substr(bytes, 1, 50) || x'ff' || substr(bytes, 52) AS BLOB)",
  );
  database.close();
  const store = openStore();
  expect(await store.get("acme", "k0")).toBeUndefined();
  await store.put("k0", anAnswer());
  expect(await store.get("acme", "k0")).toBeDefined();
});

test("rows that were mixed up are nobody's answers", async () => {
  const writing = openStore();
  await writing.put("k0", anAnswer());
  await writing.put("k1", anAnswer({ tenantId: "zeta" }));
  await writing[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  database.exec("UPDATE bodies SET bytes = (SELECT bytes FROM bodies b WHERE b.id <> bodies.id)");
  database.close();
  const store = openStore();
  expect(await store.get("acme", "k0")).toBeUndefined();
});

test("a file that is no database, or of another version, is made anew", async () => {
  for (const spoil of [
    () => writeFile(path, "this is no database, and never was one".repeat(500)),
    () => Promise.resolve(new DatabaseSync(path)).then(closeAfter("PRAGMA user_version = 99")),
    () => Promise.resolve(new DatabaseSync(path)).then(closeAfter("DROP TABLE bodies")),
  ]) {
    await rm(path, { force: true });
    await makeFile(1);
    await spoil();
    const store = openStore();
    expect(await store.get("acme", "k0")).toBeUndefined();
    await store.put("k1", anAnswer());
    expect(await store.get("acme", "k1")).toBeDefined();
    await store[Symbol.asyncDispose]();
  }
});

const closeAfter =
  (sql: string) =>
  (database: DatabaseSync): void => {
    database.exec(sql);
    database.close();
  };

test("a file whose pages are damaged loses answers and nothing else", async () => {
  await makeFile(300);
  const { size } = await stat(path);
  const file = await open(path, "r+");
  for (let at = 8_192; at < size; at += 8_192) {
    await file.write(Buffer.alloc(4_096, 0xab), 0, 4_096, at);
  }
  await file.close();
  const store = openStore();
  for (let index = 0; index < 300; index += 1) await store.get("acme", `k${index}`);
  await store.put("new", anAnswer());
  expect(await store.get("acme", "new")).toBeDefined();
});

test("a file that somebody deletes is made again, and nobody notices but by misses", async () => {
  await makeFile(1);
  const store = openStore();
  expect(await store.get("acme", "k0")).toBeDefined();
  for (const suffix of ["", "-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
  await store.get("acme", "k0");
  await store.put("k1", anAnswer());
  expect(await store.get("acme", "k1")).toBeDefined();
  await store[Symbol.asyncDispose]();
  expect(await openStore().get("acme", "k1")).toBeDefined();
});

test("where there can be no file every call is rejected, until there can be one", async () => {
  await writeFile(join(folder, "blocked"), "a file where a folder should be");
  const store = openStore({ path: join(folder, "blocked", "cache.db") });
  await expect(store.get("acme", "k")).rejects.toThrow("cannot be used");
  await expect(store.put("k", anAnswer())).rejects.toThrow("cannot be used");
  await expect(store.purge({ tenantId: "acme" })).rejects.toThrow("cannot be used");
  await rm(join(folder, "blocked"));
  await mkdir(join(folder, "blocked"));
  await untilTrue("it can be used", () =>
    store.put("k", anAnswer({ begunEpochMs: startEpochMs + 1 })).then(
      () => true,
      () => false,
    ),
  );
  expect(await store.get("acme", "k")).toBeDefined();
});

test("the file never has more than its bound, and what is used stays", async () => {
  const bytesMax = 4 * 1024 * 1024;
  const store = openStore({ bytesMax });
  await store.put("used", anAnswer({ expiresAtEpochMs: startEpochMs + 86_400_000 }));
  for (let batch = 0; batch < 40; batch += 1) {
    clock.advance(61_000);
    expect(await store.get("acme", "used")).toBeDefined();
    const puts = Array.from({ length: 100 }, (_, index) =>
      store.put(`k${batch}-${index}`, anAnswer({ body: noise(3_000), ...untilTomorrow })),
    );
    await Promise.all(puts);
    expect((await stat(path)).size).toBeLessThanOrEqual(bytesMax + 512 * 1024);
    expect((await stat(`${path}-wal`)).size).toBeLessThanOrEqual(logBytesMax);
  }
  expect(await store.get("acme", "k0-0")).toBeUndefined();
  expect(await store.get("acme", "k39-99")).toBeDefined();
});
const untilTomorrow = { expiresAtEpochMs: startEpochMs + 86_400_000 };

test("a file that was larger before is brought down to its new bound", async () => {
  await makeFile(2_000, 4_000);
  expect((await stat(path)).size).toBeGreaterThan(8_000_000);
  const bytesMax = 2 * 1024 * 1024;
  const store = openStore({ bytesMax });
  await untilTrue("it is small", async () => {
    await store.put("new", anAnswer());
    await store.purge({ tenantId: "nobody" }); // Brings what is written into the file.
    return (await stat(path)).size <= bytesMax + 512 * 1024;
  });
  expect(await store.get("acme", "new")).toBeDefined();
});

test("what is over makes room before what is not", async () => {
  const store = openStore();
  await store.put("short", anAnswer({ expiresAtEpochMs: startEpochMs + 1_000 }));
  await store.put("long", anAnswer());
  clock.advance(2_000);
  await store.put("next", anAnswer());
  await store[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  const keys = database.prepare("SELECT key FROM answers ORDER BY key").all();
  const counts = database.prepare("SELECT count(*) AS n FROM bodies").get();
  database.close();
  expect(keys.map(({ key }) => key)).toEqual(["long", "next"]);
  expect(counts).toEqual({ n: 2 });
});

test("a look-up that takes too long is rejected, the others at once, until the thread answers again", async () => {
  await makeFile(1);
  const store = openStore({ answerMs: 20 });
  await untilTrue("it answers", () => isFound(store));
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  // The thread waits for the other's hold on the file.
  const put = store.put("k", anAnswer());
  put.catch(() => undefined);
  let problem = "";
  await untilTrue("a look-up is too late", async () => {
    problem = await store.get("acme", "k0").then(
      () => "",
      (error: unknown) => String(error),
    );
    return problem !== "";
  });
  expect(problem).toContain("in time");
  await expect(store.get("acme", "k0")).rejects.toThrow("does not answer");
  await expect(put).rejects.toThrow("locked");
  other.exec("COMMIT");
  other.close();
  await untilTrue("it answers again", () => isFound(store));
});

const isFound = (store: ExactStore): Promise<boolean> =>
  store.get("acme", "k0").then(
    (answer) => answer !== undefined,
    () => false,
  );

test("what is put as it closes is written, and nothing is taken afterwards", async () => {
  const store = openStore();
  const put = store.put("k", anAnswer());
  await store[Symbol.asyncDispose]();
  await put;
  await expect(store.get("acme", "k")).rejects.toThrow("closed");
  expect(await openStore().get("acme", "k")).toBeDefined();
});
