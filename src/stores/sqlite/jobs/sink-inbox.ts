import { closeSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

import { jobRoom } from "../../../jobs/job-store.ts";
import type { JobRoom, NewJob } from "../../../jobs/job-store.ts";
import type { JobsInbox, MarkMove } from "../../books/jobs-inbox.ts";
import { makePrivateFile } from "../books/day-files.ts";
import { fileId } from "../books/open-file.ts";
import { Connection } from "../connection.ts";
import { migrate } from "../migrate.ts";
import type { SqlStatement } from "../protocol.ts";
import { addedBy } from "./added-by.ts";
import { enqueueStatements, gateStatement } from "./job-statements.ts";

export interface SqliteInboxOptions {
  readonly path: string;
  readonly room?: JobRoom | undefined;
}

/**
 * The same file as the store's, on a connection of the books thread's own: every call blocks it. It is made when there is
 * something to put: a process that judges nothing and does not live long has none.
 */
export function openSqliteInbox({ path, room = jobRoom }: SqliteInboxOptions): JobsInbox {
  let file: InboxFile | undefined;
  /** Where somebody has removed it, the next one has no marks, which is how the sink learns it. */
  const connection = (): Connection => {
    if (file !== undefined && fileId(path) === file.id) return file.connection;
    if (file !== undefined) {
      file.connection.close();
      makePrivateFile(path);
    }
    file = openToEnqueue(path);
    return file.connection;
  };
  return {
    // eslint-disable-next-line @typescript-eslint/require-await -- What it throws becomes a rejection.
    mark: async (writer) => {
      if (file === undefined && fileId(path) === undefined) return undefined;
      const sql = "SELECT mark FROM marks WHERE writer = ?";
      const [row] = connection().all({ sql, params: [writer] });
      return row === undefined ? undefined : String(row["mark"]);
    },
    // eslint-disable-next-line @typescript-eslint/require-await -- What it throws becomes a rejection.
    put: async (jobs, move) => putJobs(connection(), jobs, move, room),
    [Symbol.asyncDispose]: () => {
      file?.connection.close();
      return Promise.resolve();
    },
  };
}

function putJobs(
  connection: Connection,
  jobs: readonly NewJob[],
  move: MarkMove,
  room: JobRoom,
): number | "lost" {
  const nowMs = Date.now();
  const insert = jobs.length === 0 ? [] : [gateStatement(room), ...enqueueStatements(jobs, nowMs)];
  const outcome = connection.transaction([moveStatement(move, nowMs), ...insert]);
  if (outcome.kind === "undone" && outcome.statement === 0) return "lost";
  const added = addedBy(outcome, room);
  return jobs.length === 0 ? 0 : added;
}

function moveStatement({ writer, from, to }: MarkMove, nowMs: number): SqlStatement {
  if (from === undefined) {
    const sql = "INSERT INTO marks VALUES (?, ?, ?) ON CONFLICT (writer) DO NOTHING";
    return { sql, params: [writer, to, nowMs], mustChange: true };
  }
  const sql = "UPDATE marks SET mark = ?, changed_at_ms = ? WHERE writer = ? AND mark = ?";
  return { sql, params: [to, nowMs, writer, from], mustChange: true };
}

interface InboxFile {
  readonly connection: Connection;
  readonly id: number | undefined;
}

const migrations = fileURLToPath(new URL("migrations/", import.meta.url));

function openToEnqueue(path: string): InboxFile {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  closeSync(openSync(path, "a", 0o600));
  const connection = new Connection(path);
  try {
    migrate(connection, { path, migrationsFolder: migrations });
    connection.script("PRAGMA secure_delete = ON");
    return { connection, id: fileId(path) };
  } catch (error) {
    connection.close();
    throw error;
  }
}
