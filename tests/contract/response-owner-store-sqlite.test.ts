import { join } from "node:path";

import { expect, test } from "vitest";

import { openDatabase } from "../../src/stores/sqlite/open.ts";
import { sqliteResponseOwnerStore } from "../../src/stores/sqlite/response-owner-store.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { responseOwnerStoreContract } from "./response-owner-store.ts";

responseOwnerStoreContract("SQLite", async () => {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(folder.path, "meta.db") }));
  return {
    owners: sqliteResponseOwnerStore(database),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
});

test("a store of owners whose database is closed says that it is unavailable", async () => {
  await using folder = await tempFolder();
  const database = await openDatabase({ path: join(folder.path, "meta.db") });
  await database[Symbol.asyncDispose]();
  const wanted = { responseHash: "aa11", tenantId: "acme", nowMs: 0 };
  await expect(sqliteResponseOwnerStore(database).findOwner(wanted)).rejects.toMatchObject({
    kind: "store_unavailable",
  });
});
