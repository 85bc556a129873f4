import { join } from "node:path";

import { expect, test } from "vitest";

import { sqliteJudgeStore } from "../../src/stores/sqlite/judge-store.ts";
import { openDatabase } from "../../src/stores/sqlite/open.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { judgeStoreContract } from "./judge-store.ts";

judgeStoreContract("SQLite", async () => {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(folder.path, "meta.db") }));
  return {
    judges: sqliteJudgeStore(database),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
});

test("a store of judges whose database is closed says that it is unavailable", async () => {
  await using folder = await tempFolder();
  const database = await openDatabase({ path: join(folder.path, "meta.db") });
  await database[Symbol.asyncDispose]();
  await expect(sqliteJudgeStore(database).listEvaluators()).rejects.toMatchObject({
    kind: "store_unavailable",
  });
});
