/** What the main thread and the thread that owns the SQLite connection say to each other. */
export type SqlValue = string | number | bigint | null | Uint8Array;
export type SqlRow = Readonly<Record<string, SqlValue>>;

export interface SqlStatement {
  readonly sql: string;
  readonly params?: readonly SqlValue[];
  /** The transaction is undone, which is no error, if this statement changes no row. */
  readonly mustChange?: boolean;
}

/** Rows changed by each statement, or which one changed none although it had to. */
export type TransactionOutcome =
  | { readonly kind: "committed"; readonly changes: readonly number[] }
  | { readonly kind: "undone"; readonly statement: number };

export interface WorkerSettings {
  readonly path: string;
  /** A folder of `0001-….sql`, `0002-….sql` and so on. */
  readonly migrationsFolder: string;
}

export type Command =
  | { readonly kind: "run"; readonly statement: SqlStatement }
  | { readonly kind: "all"; readonly statement: SqlStatement }
  | { readonly kind: "transaction"; readonly statements: readonly SqlStatement[] };

/** Calls are answered in the order in which they were posted. */
export type ToWorker =
  { readonly id: number; readonly command: Command } | { readonly close: true };

export type FromWorker =
  | { readonly kind: "ready" }
  | { readonly kind: "answer"; readonly id: number; readonly value: unknown }
  | { readonly kind: "error"; readonly id: number; readonly error: Error };
