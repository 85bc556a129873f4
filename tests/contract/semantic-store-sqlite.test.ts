import { join } from "node:path";

import { openSqliteSemanticStore } from "../../src/stores/sqlite/semantic/semantic-store.ts";
import { manualClock } from "../support/manual-clock.ts";
import { answerBytesMax, shardEntriesMax } from "../support/semantic-run.ts";
import { startEpochMs } from "../support/stored-answers.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { semanticStoreContract } from "./semantic-store.ts";

/** However busy the machine is: `semantic-store-sqlite-faults.test.ts` has what happens when it takes too long. */
const answerMs = 10_000;

semanticStoreContract("SQLite", async () => {
  const folder = await tempFolder();
  const clock = manualClock(startEpochMs);
  const store = openSqliteSemanticStore({
    path: join(folder.path, "semantic.db"),
    bytesMax: 64 * 1024 * 1024,
    answerBytesMax,
    shardEntriesMax,
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
