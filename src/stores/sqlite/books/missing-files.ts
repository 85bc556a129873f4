import { existsSync } from "node:fs";

import { readHead } from "../../disk/chain-head.ts";
import type { Connection } from "../connection.ts";
import { auditFolder, chainPath, dayFilePath } from "./day-files.ts";
import type { Day } from "./day-files.ts";
import { ledgerPath } from "./ledger-writer.ts";
import { hasMarks } from "./marks.ts";
import { openToRead } from "./open-file.ts";
import type { AuditProblem, Verification } from "./verify.ts";

type Report = Verification["report"];

/** Files that were made, and that retention has not removed. */
export function reportMissingFiles(dataDir: string, chain: Connection, report: Report): void {
  const isMissing = (day: Day): boolean => !existsSync(dayFilePath(dataDir, "audit", day));
  const daysMade = (): Day[] =>
    chain.all({ sql: "SELECT day FROM days ORDER BY day" }).map(({ day }) => String(day));
  const missing = daysMade().filter(isMissing);
  if (missing.length === 0) return;
  // One may have been removed in time since the list was read.
  const still = new Set(daysMade());
  for (const day of missing.filter((each) => still.has(each))) {
    const path = dayFilePath(dataDir, "audit", day);
    report(
      missingOf(`${path} is gone with all its records, and it was not Sentinel that removed it`),
    );
  }
}

/** Where there is no audit file at all: whether others know of records that were in some. */
export async function reportMissingFolder(
  dataDir: string,
  removedOf: Verification["removedOf"],
  report: Report,
): Promise<void> {
  const folder = auditFolder(dataDir);
  const head = await readHead(dataDir);
  if (head !== undefined) {
    const { writer, seq } = head;
    if (removedOf(writer).some(({ from, to }) => from <= seq && seq <= to)) return;
    const what = `the journal has given them ${seq} of this writer, and it was not Sentinel that removed them`;
    const message = `the audit files of ${folder} are gone with all their records: ${what}`;
    report({ ...missingOf(message), writer, seq });
  } else if (!existsSync(chainPath(dataDir)) && hasLedgerMarks(dataDir)) {
    const message = `the audit files of ${folder} are gone with all their records: the ledger has counted some, and it was not Sentinel that removed them`;
    report(missingOf(message));
  }
}

function hasLedgerMarks(dataDir: string): boolean {
  const ledger = openToRead(ledgerPath(dataDir));
  try {
    return ledger !== undefined && hasMarks(ledger);
  } finally {
    ledger?.close();
  }
}

const missingOf = (message: string): AuditProblem => ({
  kind: "missing",
  writer: undefined,
  seq: undefined,
  id: undefined,
  message,
});
