import { join } from "node:path";

import { expect, test } from "vitest";

import { openDatabase } from "../../src/stores/sqlite/open.ts";
import { sqlitePriceStore } from "../../src/stores/sqlite/price-store.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { priceStoreContract } from "./price-store.ts";

priceStoreContract("SQLite", async () => {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const database = resources.use(await openDatabase({ path: join(folder.path, "meta.db") }));
  return {
    prices: sqlitePriceStore(database),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
});

test("a store of prices whose database is closed says that it is unavailable", async () => {
  await using folder = await tempFolder();
  const database = await openDatabase({ path: join(folder.path, "meta.db") });
  await database[Symbol.asyncDispose]();
  await expect(sqlitePriceStore(database).listPrices()).rejects.toMatchObject({
    kind: "store_unavailable",
  });
});
