import { backup, DatabaseSync, type StatementSync } from "node:sqlite";

import { Lru } from "../../lib/lru.ts";
import type { SqlRow, SqlStatement, SqlValue, TransactionOutcome } from "./protocol.ts";

/** Beyond these the statement that was used least recently is prepared again when it comes back. */
const preparedStatementsMax = 200;

/** How long SQLite waits for another process (a backup, a second start) to let go of the file. */
const busyWaitMs = 5_000;

/** In one step: a copy in several begins anew whenever somebody writes in between. */
const wholeDatabase = 2 ** 31 - 1;

/** SQLite's own codes for a file whose content is damaged, or that is no database at all. (https://www.sqlite.org/rescode.html) */
const damagedCodes: readonly unknown[] = [11, 26];

/** Whether an error says that a database's file is damaged, and trying again cannot help. */
export function isDamaged(error: unknown): boolean {
  if (!(error instanceof Error) || !("errcode" in error)) return false;
  const { errcode } = error;
  return typeof errcode === "number" && damagedCodes.includes(errcode & 0xff);
}

/**
 * The one file that knows `node:sqlite`. Every call blocks its thread, for a write until the disk has it:
 * only the worker opens one.
 */
export class Connection {
  readonly #database: DatabaseSync;
  readonly #isReadOnly: boolean;
  readonly #prepared = new Lru<string, StatementSync>(preparedStatementsMax);
  /** The same for statements whose integers are read as `bigint`. */
  readonly #exact = new Lru<string, StatementSync>(preparedStatementsMax);

  constructor(path: string, { readOnly = false }: { readonly readOnly?: boolean } = {}) {
    this.#isReadOnly = readOnly;
    this.#database = new DatabaseSync(path, { timeout: busyWaitMs, readOnly });
    this.#database.exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;");
  }

  run({ sql, params = [] }: SqlStatement): number {
    return Number(this.#prepare(sql).run(...params).changes);
  }

  all({ sql, params = [] }: SqlStatement): SqlRow[] {
    return this.#prepare(sql).all(...params);
  }

  /** As `all`, with every integer as a `bigint`: sums do not fit a number. */
  allExact({ sql, params = [] }: SqlStatement): SqlRow[] {
    const known = this.#exact.get(sql);
    const statement = known ?? this.#database.prepare(sql);
    if (known === undefined) {
      statement.setReadBigInts(true);
      this.#exact.set(sql, statement);
    }
    return statement.all(...params);
  }

  /** Row by row, for what is too much at once. The connection must not be closed before the end. */
  iterate({ sql, params = [] }: SqlStatement): Iterable<SqlRow> {
    return this.#database.prepare(sql).iterate(...params);
  }

  /** A consistent copy of the whole database, while others write to it. Off this thread. */
  async copyTo(path: string): Promise<void> {
    await backup(this.#database, path, { rate: wholeDatabase });
  }

  /** The first column of the first row. */
  value(sql: string): SqlValue | undefined {
    const row = this.all({ sql })[0];
    return row === undefined ? undefined : Object.values(row)[0];
  }

  /** Several statements in one text, without parameters. */
  script(sql: string): void {
    this.#database.exec(sql);
  }

  transaction(statements: readonly SqlStatement[]): TransactionOutcome {
    return this.atomically((undo) => {
      const changes: number[] = [];
      for (const [index, statement] of statements.entries()) {
        const changed = this.run(statement);
        if (changed === 0 && statement.mustChange === true) {
          undo();
          return { kind: "undone", statement: index };
        }
        changes.push(changed);
      }
      return { kind: "committed", changes };
    });
  }

  /** Commits what `work` did, unless it throws or calls `undo`. */
  atomically<Result>(work: (undo: () => void) => Result): Result {
    const database = this.#database;
    const undo = () => {
      // SQLite undoes by itself where it cannot go on, as on a full disk.
      if (database.isTransaction) database.exec("ROLLBACK");
    };
    database.exec("BEGIN IMMEDIATE");
    try {
      const result = work(undo);
      if (database.isTransaction) database.exec("COMMIT");
      return result;
    } catch (error) {
      undo();
      throw error;
    }
  }

  /** What was written is in the file itself then, not in the log beside it, so that the file can be copied alone. */
  close(): void {
    if (!this.#isReadOnly) this.#foldLog();
    this.#database.close();
  }

  /** SQLite does so by itself only where no other connection has the file open. */
  #foldLog(): void {
    try {
      this.#database.exec("PRAGMA busy_timeout = 0");
      this.#database.prepare("PRAGMA wal_checkpoint(TRUNCATE)").all();
    } catch {
      // A damaged file or a full disk must not keep it from being closed. Nothing is lost: the log stays beside it.
    }
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
