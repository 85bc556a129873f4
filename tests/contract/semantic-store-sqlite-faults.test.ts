import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { SemanticEntry, SemanticStore } from "../../src/pipeline/cache/semantic-store.ts";
import { logBytesMax } from "../../src/stores/sqlite/cache/database-file.ts";
import { openSqliteSemanticStore } from "../../src/stores/sqlite/semantic/semantic-store.ts";
import type { SqliteSemanticStoreOptions } from "../../src/stores/sqlite/semantic/semantic-store.ts";
import type { ManualClock } from "../support/manual-clock.ts";
import { manualClock } from "../support/manual-clock.ts";
import { untilTrue } from "../support/redis.ts";
import { anAlias, aPair } from "../support/semantic-entries.ts";
import { idsOf, later, where } from "../support/semantic-run.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** What the semantic tier's file does where it is lost, damaged, full or not to be had. */

let resources: AsyncDisposableStack;
let folder: string;
let path: string;
let clock: ManualClock;
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  folder = resources.use(await tempFolder()).path;
  path = join(folder, "semantic.db");
  clock = manualClock(startEpochMs);
});
afterEach(() => resources.disposeAsync());

const openStore = (options: Partial<SqliteSemanticStoreOptions> = {}): SemanticStore =>
  resources.use(
    openSqliteSemanticStore({
      path,
      bytesMax: 64 * 1024 * 1024,
      answerMs: 10_000,
      clock,
      ...options,
    }),
  );

/** A file with so many entries, the last first, that is closed. */
async function makeFile(count: number): Promise<readonly SemanticEntry[]> {
  const store = openStore();
  const pairs = Array.from({ length: count }, (_, index) => aPair(later(index)));
  await Promise.all(pairs.map(({ entry, answer }) => store.put(entry, answer)));
  await store[Symbol.asyncDispose]();
  return pairs.map(({ entry }) => entry);
}

const noise = (length: number) => ({
  kind: "whole" as const,
  bytes: crypto.getRandomValues(new Uint8Array(length)),
});

const change = (sql: string): void => {
  const database = new DatabaseSync(path);
  database.exec(sql);
  database.close();
};

const isFound = (store: SemanticStore, entry: SemanticEntry): Promise<boolean> =>
  store.answerOf(entry).then(
    (answer) => answer !== undefined,
    () => false,
  );

test("what was put is there after a restart, tallies as well; what was purged is not", async () => {
  const entries = await makeFile(3);
  const store = openStore();
  const answerId = entries[0]?.answerId ?? "";
  await store.tally({ ...where, answerId }, true);
  await store[Symbol.asyncDispose]();
  const again = openStore();
  const { tallies } = await again.loadShard(where, 10);
  expect(tallies).toEqual([{ answerId, confirmations: 1, refutations: 0 }]);
  expect(await idsOf(again)).toEqual(entries.map(({ id }) => id));
  await again.purge({ tenantId: "acme" });
  await again[Symbol.asyncDispose]();
  expect(await idsOf(openStore())).toEqual([]);
});

test("what was purged is in no file any more, neither the prompt nor the answer", async () => {
  const secrets = [
    "the-secret-in-the-prompt",
    "the-secret-in-the-answer",
    "the-secret-in-the-alias",
  ];
  const store = openStore();
  const body = { kind: "whole" as const, bytes: Buffer.from(secrets[1] ?? "") };
  const { entry, answer } = aPair({ body }, { text: secrets[0] ?? "" });
  await store.put(entry, answer);
  await store.put(anAlias(answer, { ...later(1), text: secrets[2] ?? "" }), undefined);
  const held = async (): Promise<string[]> => {
    const files = [path, `${path}-wal`].map((file) => readFile(file).catch(() => Buffer.alloc(0)));
    const all = Buffer.concat(await Promise.all(files));
    return secrets.filter((secret) => all.includes(secret));
  };
  expect(await held()).toEqual(secrets);
  await store.purge({ tenantId: "acme", requestId: entry.id });
  expect(await held()).toEqual([]);
});

test("a damaged answer is a miss and goes, and a damaged entry is not loaded", async () => {
  const [first, second, third] = await makeFile(3);
  if (first === undefined || second === undefined || third === undefined) throw new Error("none");
  const spoilt = "CAST(substr(bytes, 1, 50) || x'ff' || substr(bytes, 52) AS BLOB)";
  change(`UPDATE bodies SET bytes = ${spoilt} WHERE id = 1`);
  change(`UPDATE entries SET bytes = ${spoilt} WHERE id = 2`);
  const store = openStore();
  expect(await idsOf(store)).toEqual([first.id, third.id]);
  expect(await store.answerOf(first)).toBeUndefined();
  expect(await idsOf(store)).toEqual([third.id]);
  expect(await isFound(store, third)).toBe(true);
});

test("rows that were mixed up are nobody's", async () => {
  const writing = openStore();
  const [mine, theirs] = [aPair(), aPair({ tenantId: "zeta" })];
  await writing.put(mine.entry, mine.answer);
  await writing.put(theirs.entry, theirs.answer);
  await writing[Symbol.asyncDispose]();
  for (const table of ["bodies", "entries"]) {
    change(`UPDATE ${table} SET bytes = (SELECT bytes FROM ${table} o WHERE o.id <> ${table}.id)`);
  }
  const store = openStore();
  expect(await idsOf(store)).toEqual([]);
  expect(await store.answerOf(mine.entry)).toBeUndefined();
});

test("a file that is no database, or of another version, is made anew", async () => {
  for (const spoil of [
    () => writeFile(path, "this is no database, and never was one".repeat(500)),
    () => {
      change("PRAGMA user_version = 99");
      return Promise.resolve();
    },
    () => {
      change("DROP TABLE bodies");
      return Promise.resolve();
    },
  ]) {
    await rm(path, { force: true });
    const [entry] = await makeFile(1);
    if (entry === undefined) throw new Error("none");
    await spoil();
    const store = openStore();
    expect(await store.answerOf(entry)).toBeUndefined();
    const next = aPair();
    await store.put(next.entry, next.answer);
    expect(await isFound(store, next.entry)).toBe(true);
    await store[Symbol.asyncDispose]();
  }
});

test("a file that somebody deletes is made again, and nobody notices but by misses", async () => {
  const [entry] = await makeFile(1);
  if (entry === undefined) throw new Error("none");
  const store = openStore();
  expect(await isFound(store, entry)).toBe(true);
  for (const suffix of ["", "-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
  const next = aPair();
  await store.put(next.entry, next.answer);
  expect(await isFound(store, next.entry)).toBe(true);
  expect(await isFound(store, entry)).toBe(false);
  await store[Symbol.asyncDispose]();
  expect(await isFound(openStore(), next.entry)).toBe(true);
});

test("where there can be no file every call is rejected, until there can be one", async () => {
  await writeFile(join(folder, "blocked"), "a file where a folder should be");
  const store = openStore({ path: join(folder, "blocked", "semantic.db") });
  const { entry, answer } = aPair();
  await expect(store.answerOf(entry)).rejects.toThrow("cannot be used");
  await expect(store.loadShard(where, 10)).rejects.toThrow("cannot be used");
  await expect(store.put(entry, answer)).rejects.toThrow("cannot be used");
  await expect(store.purge({ tenantId: "nobody" })).rejects.toThrow("cannot be used");
  await rm(join(folder, "blocked"));
  await mkdir(join(folder, "blocked"));
  await untilTrue("it can be used", () =>
    store.put(entry, answer).then(
      () => true,
      () => false,
    ),
  );
  expect(await isFound(store, entry)).toBe(true);
});

test("the file never has more than its bound: the oldest entries go, of whatever shard", async () => {
  const bytesMax = 4 * 1024 * 1024;
  const store = openStore({ bytesMax });
  const first = aPair();
  await store.put(first.entry, first.answer);
  let last = first;
  for (let batch = 0; batch < 20; batch += 1) {
    const pairs = Array.from({ length: 100 }, (_, index) =>
      aPair({ body: noise(3_000), ...later(1 + batch) }, { shard: `s${index}` }),
    );
    await Promise.all(pairs.map(({ entry, answer }) => store.put(entry, answer)));
    last = pairs.at(-1) ?? last;
    expect((await stat(path)).size).toBeLessThanOrEqual(bytesMax + 512 * 1024);
    expect((await stat(`${path}-wal`)).size).toBeLessThanOrEqual(logBytesMax);
  }
  expect(await isFound(store, first.entry)).toBe(false);
  expect(await isFound(store, last.entry)).toBe(true);
  await store[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  const orphans = "SELECT count(*) AS n FROM bodies WHERE id NOT IN (SELECT answer FROM entries)";
  expect(database.prepare(orphans).get()).toEqual({ n: 0 });
  database.close();
});

test("policies have a quarter of the file at most: those go that were saved longest ago", async () => {
  const store = openStore({ bytesMax: 1024 * 1024 });
  const weights = Array.from({ length: 20_000 }, () => 0.25);
  const snapshot = { score: { weights } } as unknown as Parameters<SemanticStore["savePolicy"]>[1];
  const { entry, answer } = aPair();
  await store.put(entry, answer);
  for (let index = 0; index < 6; index += 1) {
    clock.advance(1_000);
    await store.savePolicy({ tenantId: `t${index}`, embedderId: "e" }, snapshot);
  }
  const load = (index: number) => store.loadPolicy({ tenantId: `t${index}`, embedderId: "e" });
  expect(await load(3)).toBeUndefined();
  expect(await load(4)).toEqual(snapshot);
  expect(await load(5)).toEqual(snapshot);
  expect(await isFound(store, entry)).toBe(true);
  clock.advance(91 * 86_400_000);
  expect(await load(5)).toBeUndefined();
});

test("what is over is gone with its answer at the next put", async () => {
  const store = openStore();
  const short = aPair({ expiresAtEpochMs: startEpochMs + 1_000 });
  await store.put(short.entry, short.answer);
  clock.advance(2_000);
  const next = aPair();
  await store.put(next.entry, next.answer);
  await store[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  const counts = ["entries", "answers", "bodies", "tags"].map(
    (table) => database.prepare(`SELECT count(*) AS n FROM ${table}`).get()?.["n"],
  );
  database.close();
  expect(counts).toEqual([1, 1, 1, 1]);
});

test("a look-up that takes too long is rejected, the others at once, until the thread answers again", async () => {
  const [entry] = await makeFile(1);
  if (entry === undefined) throw new Error("none");
  const store = openStore({ answerMs: 20 });
  await untilTrue("it answers", () => isFound(store, entry));
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  // The thread waits for the other's hold on the file.
  const next = aPair();
  const put = store.put(next.entry, next.answer);
  put.catch(() => undefined);
  let problem = "";
  await untilTrue("a look-up is too late", async () => {
    problem = await store.answerOf(entry).then(
      () => "",
      (error: unknown) => String(error),
    );
    return problem !== "";
  });
  expect(problem).toContain("in time");
  await expect(store.answerOf(entry)).rejects.toThrow("does not answer");
  await expect(put).rejects.toThrow("locked");
  other.exec("COMMIT");
  other.close();
  await untilTrue("it answers again", () => isFound(store, entry));
});

test("what is put as it closes is written, and nothing is taken afterwards", async () => {
  const store = openStore();
  const { entry, answer } = aPair();
  const put = store.put(entry, answer);
  await store[Symbol.asyncDispose]();
  await put;
  await expect(store.answerOf(entry)).rejects.toThrow("closed");
  expect(await isFound(openStore(), entry)).toBe(true);
});

test("an answer that is over before it is written leaves nothing in the file", async () => {
  const store = openStore();
  const brief = aPair({ expiresAtEpochMs: startEpochMs + 5 });
  const first = store.put(brief.entry, brief.answer);
  clock.advance(10);
  const { entry, answer } = aPair(later(1));
  // Written together with what came before, at the time of the last.
  await Promise.all([first, store.put(entry, answer)]);
  await store[Symbol.asyncDispose]();
  const database = new DatabaseSync(path);
  const counts = ["entries", "answers", "bodies"].map((table) =>
    database.prepare(`SELECT count(*) AS count FROM ${table}`).get(),
  );
  database.close();
  expect(counts).toEqual([{ count: 1 }, { count: 1 }, { count: 1 }]);
});
