import { mkdir, open } from "node:fs/promises";
import { dirname, extname } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

import type {
  Command,
  FromWorker,
  SqlRow,
  SqlStatement,
  SqlValue,
  ToWorker,
  TransactionOutcome,
  WorkerSettings,
} from "./protocol.ts";

/** At the bound a call is rejected at once: the disk cannot keep up, and waiting longer would not help. */
export const waitingCallsMax = 1_000;

/**
 * A SQLite database whose connection lives in a thread of its own. Calls run in the order in which they
 * were made; what resolved is on disk. A call rejects with a plain error when SQLite refuses it, when too
 * many wait, and when the database is closed or its thread has died.
 */
export interface Database extends AsyncDisposable {
  /** Resolves to the number of rows changed. */
  run(sql: string, params?: readonly SqlValue[]): Promise<number>;
  all(sql: string, params?: readonly SqlValue[]): Promise<readonly SqlRow[]>;
  /** All of it or nothing. */
  transaction(statements: readonly SqlStatement[]): Promise<TransactionOutcome>;
}

/**
 * Opens, and makes if need be, the database at `path`. Its folder and files are for this user alone. Do not
 * share one file between databases of different `migrations`.
 */
export async function openDatabase({
  path,
  migrations = new URL("migrations/", import.meta.url),
}: {
  readonly path: string;
  readonly migrations?: URL;
}): Promise<Database> {
  await makePrivateFile(path);
  const settings: WorkerSettings = { path, migrationsFolder: fileURLToPath(migrations) };
  // The extension is this file's own: `.ts` as it is developed, `.js` as it is published.
  const worker = new URL(`worker${extname(import.meta.url)}`, import.meta.url);
  try {
    return await connectTo(new Worker(worker, { name: "sqlite", workerData: settings }));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`The database ${path} cannot be used: ${reason}`, { cause: error });
  }
}

/** Resolves once the thread says that its database is open; rejects with what stopped it. */
export async function connectTo(worker: Worker): Promise<Database> {
  const database = new WorkerDatabase(worker);
  await database.opened;
  return database;
}

/** SQLite gives the files that it puts beside the first one the same mode. */
async function makePrivateFile(path: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  await using _file = await open(path, "a", 0o600);
}

interface WaitingCall {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** The thread keeps the process alive only while a call waits, so that no write is lost at its end. */
class WorkerDatabase implements Database {
  readonly opened: Promise<void>;
  readonly #worker: Worker;
  readonly #exited: Promise<void>;
  readonly #waiting = new Map<number, WaitingCall>();
  #lastId = 0;
  #gone: Error | undefined;

  constructor(worker: Worker) {
    this.#worker = worker;
    const opened = Promise.withResolvers<undefined>();
    const exited = Promise.withResolvers<undefined>();
    this.opened = opened.promise;
    this.#exited = exited.promise;
    worker.on("message", (message: FromWorker) => {
      if (message.kind === "ready") {
        opened.resolve(undefined);
        worker.unref();
      } else {
        this.#answered(message);
      }
    });
    worker.on("error", (error) => {
      this.#gone ??= new Error("The database's thread has died.", { cause: error });
      opened.reject(error);
    });
    worker.on("exit", () => {
      const gone = (this.#gone ??= new Error("The database's thread has ended."));
      opened.reject(gone);
      for (const call of this.#waiting.values()) call.reject(gone);
      this.#waiting.clear();
      exited.resolve(undefined);
    });
  }

  async run(sql: string, params: readonly SqlValue[] = []): Promise<number> {
    return (await this.#call({ kind: "run", statement: { sql, params } })) as number;
  }

  async all(sql: string, params: readonly SqlValue[] = []): Promise<readonly SqlRow[]> {
    return (await this.#call({ kind: "all", statement: { sql, params } })) as readonly SqlRow[];
  }

  async transaction(statements: readonly SqlStatement[]): Promise<TransactionOutcome> {
    return (await this.#call({ kind: "transaction", statements })) as TransactionOutcome;
  }

  /** Calls that wait are answered first. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gone === undefined) {
      this.#gone = new Error("The database is closed.");
      this.#worker.ref();
      this.#worker.postMessage({ close: true } satisfies ToWorker);
    }
    await this.#exited;
  }

  #call(command: Command): Promise<unknown> {
    if (this.#gone !== undefined) return Promise.reject(this.#gone);
    if (this.#waiting.size >= waitingCallsMax) {
      return Promise.reject(new Error(`${waitingCallsMax} calls wait for the database already.`));
    }
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#worker.postMessage({ id, command } satisfies ToWorker);
      this.#waiting.set(id, { resolve, reject });
      this.#worker.ref();
    });
  }

  #answered(message: Exclude<FromWorker, { kind: "ready" }>): void {
    const call = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (this.#waiting.size === 0 && this.#gone === undefined) this.#worker.unref();
    if (message.kind === "answer") call?.resolve(message.value);
    else call?.reject(new Error(`SQLite: ${message.error.message}`, { cause: message.error }));
  }
}
