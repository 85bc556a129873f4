import { join } from "node:path";

import { expect, test } from "vitest";

import { openDatabase } from "../../src/stores/sqlite/open.ts";
import { sqliteProviderStore } from "../../src/stores/sqlite/provider-store.ts";
import { sqliteTenantStore } from "../../src/stores/sqlite/tenant-store.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { tenantStoreContract } from "./tenant-store.ts";

tenantStoreContract("SQLite", async () => {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(folder.path, "meta.db") }));
  return {
    tenants: sqliteTenantStore(database),
    providers: sqliteProviderStore(database),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
});

test("a store whose database is closed says that it is unavailable", async () => {
  await using folder = await tempFolder();
  const database = await openDatabase({ path: join(folder.path, "meta.db") });
  await database[Symbol.asyncDispose]();
  const store = sqliteTenantStore(database);
  await expect(store.getTenant("acme")).rejects.toMatchObject({ kind: "store_unavailable" });
});
