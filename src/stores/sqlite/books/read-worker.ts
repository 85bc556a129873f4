import { parentPort, workerData } from "node:worker_threads";

import { AuditReader } from "./audit-reader.ts";
import { LedgerReader } from "./ledger-reader.ts";
import type { FromReader, ReaderSettings, ToReader } from "./read-protocol.ts";

/** The thread that reads the books: one call after the other. It is started by `reader.ts` and by nothing else. */
function serve({ dataDir }: ReaderSettings, port: NonNullable<typeof parentPort>): void {
  const audit = new AuditReader(dataDir);
  const ledger = new LedgerReader(dataDir);
  const answer = ({ call, args }: ToReader): unknown => {
    switch (call) {
      case "list":
        return audit.list(...(args as Parameters<AuditReader["list"]>));
      case "get":
        return audit.get(...(args as Parameters<AuditReader["get"]>));
      case "payload":
        return audit.payload(...(args as Parameters<AuditReader["payload"]>));
      case "erasePayload":
        return audit.erasePayload(...(args as Parameters<AuditReader["erasePayload"]>));
      case "usage":
        return ledger.usage(...(args as Parameters<LedgerReader["usage"]>));
      case "judge":
        return ledger.judge(...(args as Parameters<LedgerReader["judge"]>));
      case "budgetsSpent":
        return ledger.budgetsSpent(...(args as Parameters<LedgerReader["budgetsSpent"]>));
    }
  };
  port.on("message", (message: ToReader) => {
    port.postMessage(outcomeOf(message, answer));
  });
}

function outcomeOf(message: ToReader, answer: (message: ToReader) => unknown): FromReader {
  try {
    return { id: message.id, value: answer(message) };
  } catch (error) {
    return { id: message.id, error: error instanceof Error ? error : new Error(String(error)) };
  }
}

if (parentPort !== null) serve(workerData as ReaderSettings, parentPort);
