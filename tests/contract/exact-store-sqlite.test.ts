import { join } from "node:path";

import { openSqliteExactStore } from "../../src/stores/sqlite/cache/exact-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { answerBytesMax, exactStoreContract } from "./exact-store.ts";

/** However busy the machine is: `exact-store-sqlite-faults.test.ts` has what happens when it takes too long. */
const answerMs = 10_000;

exactStoreContract("SQLite", async () => {
  const folder = await tempFolder();
  const clock = manualClock(startEpochMs);
  const store = openSqliteExactStore({
    path: join(folder.path, "cache.db"),
    bytesMax: 64 * 1024 * 1024,
    answerBytesMax,
    answerMs,
    clock,
  });
  return {
    store,
    clock,
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await folder[Symbol.asyncDispose]();
    },
  };
});
