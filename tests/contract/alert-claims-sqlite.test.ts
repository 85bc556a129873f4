import { join } from "node:path";

import { expect, test } from "vitest";

import { sqliteAlertClaims } from "../../src/stores/sqlite/alert-claims.ts";
import { openDatabase } from "../../src/stores/sqlite/open.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { alertClaimsContract } from "./alert-claims.ts";

alertClaimsContract("SQLite", async () => {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const path = join(folder.path, "meta.db");
  const database = resources.use(await openDatabase({ path }));
  const other = resources.use(await openDatabase({ path }));
  return {
    claims: sqliteAlertClaims(database),
    others: sqliteAlertClaims(other),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
});

test("claims in a database that is closed say that it is unavailable", async () => {
  await using folder = await tempFolder();
  const database = await openDatabase({ path: join(folder.path, "meta.db") });
  await database[Symbol.asyncDispose]();
  const taken = sqliteAlertClaims(database).forgetExpired(0, 1);
  await expect(taken).rejects.toMatchObject({ kind: "store_unavailable" });
});
