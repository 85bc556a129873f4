import { randomBytes } from "node:crypto";
import { join } from "node:path";

import { openSqliteReader } from "../../src/stores/sqlite/books/reader.ts";
import { openSqliteSink } from "../../src/stores/sqlite/books/sinks.ts";
import { tempFolder } from "../support/temp-folder.ts";
import type { TestBooks } from "./open-books.ts";

/** The books in SQLite, in a folder of their own. */
export async function openSqliteBooks(): Promise<TestBooks & { readonly dataDir: string }> {
  await using resources = new AsyncDisposableStack();
  const folder = resources.use(await tempFolder());
  const dataDir = join(folder.path, "data");
  const sink = resources.use(await openSqliteSink({ dataDir, chainKey: randomBytes(32) }));
  const reader = resources.use(await openSqliteReader({ dataDir }));
  const kept = resources.move();
  return {
    dataDir,
    sink,
    auditLog: reader,
    ledger: reader,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
