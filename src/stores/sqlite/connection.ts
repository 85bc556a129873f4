import { DatabaseSync, type StatementSync } from "node:sqlite";

import { Lru } from "../../lib/lru.ts";
import type { SqlRow, SqlStatement, SqlValue, TransactionOutcome } from "./protocol.ts";

/** Beyond these the statement that was used least recently is prepared again when it comes back. */
const preparedStatementsMax = 200;

/** How long SQLite waits for another process (a backup, a second start) to let go of the file. */
const busyWaitMs = 5_000;

/**
 * The one file that knows `node:sqlite`. Every call blocks its thread, for a write until the disk has it:
 * only the worker opens one.
 */
export class Connection {
  readonly #database: DatabaseSync;
  readonly #prepared = new Lru<string, StatementSync>(preparedStatementsMax);

  constructor(path: string) {
    this.#database = new DatabaseSync(path, { timeout: busyWaitMs });
    this.#database.exec("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL;");
  }

  run({ sql, params = [] }: SqlStatement): number {
    return Number(this.#prepare(sql).run(...params).changes);
  }

  all({ sql, params = [] }: SqlStatement): SqlRow[] {
    return this.#prepare(sql).all(...params);
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

  close(): void {
    this.#database.close();
  }

  #prepare(sql: string): StatementSync {
    const known = this.#prepared.get(sql);
    if (known !== undefined) return known;
    const statement = this.#database.prepare(sql);
    this.#prepared.set(sql, statement);
    return statement;
  }
}
