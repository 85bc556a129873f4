import type { DayCaps } from "../../../jobs/day-caps.ts";
import type { JobStore } from "../../../jobs/job-store.ts";
import { makePrivateFile } from "../books/day-files.ts";
import { fileId } from "../books/open-file.ts";
import { openDatabase } from "../open.ts";
import type { Database } from "../open.ts";
import { withFailures } from "../with-failures.ts";
import { sqliteDayCaps } from "./day-caps.ts";
import { sqliteJobs } from "./job-store.ts";
import type { SqliteJobsOptions } from "./job-store.ts";
import { orphanStatement } from "./job-statements.ts";

export interface SqliteJobStoreOptions extends SqliteJobsOptions {
  /** `jobs.db` in the data directory. */
  readonly path: string;
}

/**
 * Jobs and daily caps in a file of their own, which is opened when it is first asked. No other process can have the data
 * directory, so what ran when it is opened was a dead process's, and can be claimed at once. A file that cannot be used
 * fails the calls, and is tried again: who serves requests starts without it.
 */
export function openSqliteJobStore(
  options: SqliteJobStoreOptions,
): JobStore & DayCaps & AsyncDisposable {
  const database = openFollowing(options.path);
  const answering = withFailures(database);
  return {
    ...sqliteJobs(answering, options),
    ...sqliteDayCaps(answering, options.nowMs),
    [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
  };
}

interface OpenFile {
  readonly database: Database;
  readonly file: number | undefined;
}

/** A file that could not be opened is left alone for so long: each try starts a thread. */
const openAgainMs = 5_000;

/**
 * The file that is there now: where somebody has removed it, the books thread makes another and fills it again
 * (`sink-inbox.ts`), and jobs in a file without a name would never be done.
 */
function openFollowing(path: string): Database {
  let isClosed = false;
  let current: OpenFile | undefined;
  let opening: Promise<OpenFile> | undefined;
  let wasOpened = false;
  let failed: { readonly error: unknown; readonly tickMs: number } | undefined;
  const open = async (): Promise<OpenFile> => {
    const before = current;
    current = undefined;
    try {
      await before?.database[Symbol.asyncDispose]();
      if (before !== undefined) makePrivateFile(path);
      // Later on, what runs is this process's own.
      current = await openFile(path, wasOpened ? [] : [orphanStatement.sql]);
      wasOpened = true;
      return current;
    } catch (error) {
      failed = { error, tickMs: performance.now() };
      throw error;
    } finally {
      opening = undefined;
    }
  };
  const whole = async (): Promise<Database> => {
    if (isClosed) throw new Error("The store of jobs is closed.");
    if (opening !== undefined) return (await opening).database;
    if (current !== undefined && fileId(path) === current.file) return current.database;
    if (failed !== undefined && performance.now() < failed.tickMs + openAgainMs) throw failed.error;
    opening = open();
    return (await opening).database;
  };
  /** Nobody has enqueued anything: to make the file, and its thread, is for who does. */
  const isNothingThere = (): boolean =>
    !isClosed && current === undefined && opening === undefined && fileId(path) === undefined;
  return {
    run: async (sql, params) => (isNothingThere() ? 0 : (await whole()).run(sql, params)),
    all: async (sql, params) => (isNothingThere() ? [] : (await whole()).all(sql, params)),
    transaction: async (statements) => (await whole()).transaction(statements),
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      await opening?.catch(() => undefined); // It is not there, which is what was wanted.
      await current?.database[Symbol.asyncDispose]();
    },
  };
}

const migrations = new URL("migrations/", import.meta.url);

async function openFile(path: string, first: readonly string[]): Promise<OpenFile> {
  const database = await openDatabase({ path, migrations });
  const file = fileId(path);
  try {
    // What is deleted has what people wrote in it.
    await database.all("PRAGMA secure_delete = ON");
    for (const sql of first) await database.run(sql);
    return { database, file };
  } catch (error) {
    await database[Symbol.asyncDispose]();
    throw error;
  }
}
