import type { AuditLog } from "../../src/pipeline/audit/audit-log.ts";
import type { UsageLedger } from "../../src/pipeline/cost/usage-ledger.ts";
import type { JournalSink } from "../../src/stores/disk/journal-sink.ts";

/** A store of the books: what its sink has taken its readers show. */
export interface TestBooks extends AsyncDisposable {
  readonly sink: JournalSink;
  readonly auditLog: AuditLog;
  readonly ledger: UsageLedger;
}

/** Opens an empty store, which keeps records for at least ten days. */
export type OpenBooks = () => Promise<TestBooks>;

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** The first instant of yesterday, UTC: young enough for stores that keep a window, and a whole day. */
export const yesterdayMs = (): number => (Math.floor(Date.now() / dayMs) - 1) * dayMs;
