import { parentPort, workerData } from "node:worker_threads";

import { Connection } from "./connection.ts";
import { migrate } from "./migrate.ts";
import type { Command, FromWorker, ToWorker, WorkerSettings } from "./protocol.ts";

/**
 * The thread that owns a SQLite connection: it answers one call after the other. It is started by
 * `open.ts` and by nothing else. An error before `ready` ends the thread and is reported by `open.ts`.
 */
function serve(settings: WorkerSettings, port: NonNullable<typeof parentPort>): void {
  const connection = new Connection(settings.path);
  migrate(connection, settings);

  port.on("message", (message: ToWorker) => {
    if ("close" in message) {
      connection.close();
      port.close();
      return;
    }
    port.postMessage(answer(connection, message.id, message.command));
  });
  port.postMessage({ kind: "ready" } satisfies FromWorker);
}

function answer(connection: Connection, id: number, command: Command): FromWorker {
  try {
    return { kind: "answer", id, value: execute(connection, command) };
  } catch (error) {
    return { kind: "error", id, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

function execute(connection: Connection, command: Command): unknown {
  switch (command.kind) {
    case "run":
      return connection.run(command.statement);
    case "all":
      return connection.all(command.statement);
    case "transaction":
      return connection.transaction(command.statements);
  }
}

if (parentPort !== null) serve(workerData as WorkerSettings, parentPort);
