import { rm } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

import { afterEach, beforeEach, expect, test } from "vitest";

import type { ExactStore } from "../../src/pipeline/cache/cache-store.ts";
import { openSqliteExactStore } from "../../src/stores/sqlite/cache/exact-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import { untilTrue } from "../support/redis.ts";
import { anAnswer, startEpochMs } from "../support/stored-answers.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Of most keys that are not there the main thread knows that by itself: it must never be wrong about the others. */

let resources: AsyncDisposableStack;
let path: string;
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  path = join(resources.use(await tempFolder()).path, "cache.db");
});
afterEach(() => resources.disposeAsync());

const openStore = (answerMs = 10_000): ExactStore =>
  resources.use(
    openSqliteExactStore({
      path,
      bytesMax: 64 * 1024 * 1024,
      answerMs,
      clock: manualClock(startEpochMs),
    }),
  );

const put = (store: ExactStore, keys: readonly string[]): Promise<unknown> =>
  Promise.all(keys.map((key) => store.put(key, anAnswer())));

const keysOf = (name: string, count: number): string[] =>
  Array.from({ length: count }, (_, index) => `${name}${index}`);

async function missingOf(store: ExactStore, keys: readonly string[]): Promise<readonly string[]> {
  const found = await Promise.all(keys.map((key) => store.get("acme", key)));
  return keys.filter((_, place) => found[place] === undefined);
}

/** While somebody else holds the file the thread waits, and does not answer. */
async function whileThreadIsStuck(store: ExactStore, work: () => Promise<void>): Promise<void> {
  const other = new DatabaseSync(path);
  other.exec("BEGIN IMMEDIATE");
  const stuck = store.put("stuck", anAnswer());
  stuck.catch(() => undefined);
  await work();
  await stuck.catch(() => undefined);
  other.exec("COMMIT");
  other.close();
}

test("what is not there costs no question to the thread, and what is there is found by it", async () => {
  const before = openStore();
  await put(before, keysOf("k", 1_500));
  await before[Symbol.asyncDispose]();
  const store = openStore(5);
  await untilTrue("its keys are known", async () => {
    let isAnswered = false;
    await whileThreadIsStuck(store, async () => {
      // The thread's first answers may take longer, and a look-up that is late makes the others fail at once.
      isAnswered = await missingOf(store, keysOf("other", 20)).then(
        (missing) => missing.length >= 20,
        () => false,
      );
    });
    return isAnswered;
  });
  const patient = openStore();
  await patient.get("acme", "k0");
  expect(await missingOf(patient, keysOf("k", 900))).toEqual([]);
});

test("whatever is put is found at once, written or not, before and after its keys are known", async () => {
  const store = openStore();
  for (let turn = 0; turn < 20; turn += 1) {
    const keys = keysOf(`turn${turn}-`, 40);
    const writing = put(store, keys);
    expect(await missingOf(store, keys)).toEqual([]);
    await writing;
    expect(await missingOf(store, keys)).toEqual([]);
  }
});

test("what another writes to the same file is found after the next that is put", async () => {
  const store = openStore();
  await put(store, ["own"]);
  expect(await missingOf(store, ["own", "theirs"])).toEqual(["theirs"]);
  const other = openStore();
  await put(other, ["theirs"]);
  await put(store, ["own-again"]);
  await untilTrue("it is found", async () => (await missingOf(store, ["theirs"])).length === 0);
  expect(await missingOf(store, ["own", "own-again"])).toEqual([]);
});

test("another file in its place is asked for all that it has", async () => {
  const store = openStore();
  await put(store, ["old"]);
  expect(await missingOf(store, ["old", "none"])).toEqual(["none"]);
  for (const suffix of ["", "-wal", "-shm"]) await rm(`${path}${suffix}`, { force: true });
  const other = openStore();
  await put(other, keysOf("theirs", 50));
  await other[Symbol.asyncDispose]();
  await put(store, ["new"]);
  expect(await missingOf(store, [...keysOf("theirs", 50), "new"])).toEqual([]);
});
