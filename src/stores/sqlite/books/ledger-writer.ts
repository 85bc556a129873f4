import { join } from "node:path";

import { countEntry } from "../../../pipeline/cost/count-entry.ts";
import type { EntryCount } from "../../../pipeline/cost/count-entry.ts";
import { countEvaluation } from "../../../pipeline/judge/scores/count-evaluation.ts";
import { otherTag, tagsPerDayMax, usageSums } from "../../../pipeline/cost/usage-ledger.ts";
import type { BudgetSpent } from "../../../pipeline/cost/usage-ledger.ts";
import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import type { JournalPosition, RecordLine } from "../../disk/journal-line.ts";
import type { Connection } from "../connection.ts";
import { added, addSql, held } from "./add-sql.ts";
import { dayMs } from "./day-files.ts";
import { idBytes } from "./id-bytes.ts";
import { JudgeDays } from "./judge-days.ts";
import type { CountedAmendment } from "./judge-days.ts";
import { LedgerSums } from "./ledger-sums.ts";
import type { SpentRow, UsageTable } from "./ledger-sums.ts";
import { fileId, openFile } from "./open-file.ts";
import { pruneLedger } from "./prune-ledger.ts";
import { forgetMarks, hasMarks, readMark, writeMark } from "./marks.ts";

export const ledgerPath = (dataDir: string): string => join(dataDir, "ledger.db");

/** Of the guard, so many ids that the journal no longer has are forgotten with each batch. */
const forgottenPerBatch = 2_000;
/** Tenants' days whose tags are remembered from one batch to the next. */
const tagDaysKnownMax = 1_000;

export interface LedgerBatch {
  readonly writer: string;
  readonly records: readonly RecordLine[];
  readonly mark: JournalPosition | undefined;
  readonly nowMs: number;
  /** Of what was taken before, nothing is in the journal any more; undefined: that is not known. */
  readonly forgetBeforeMs: number | undefined;
}

/** Counts requests, and what was said of them later, into `ledger.db`, each once. For one thread of one process. */
export class LedgerWriter {
  readonly #path: string;
  #connection: Connection;
  #file: number | undefined;
  /** By tenant and day. */
  readonly #tags = new Map<string, Set<string>>();
  readonly #judgeDays = new JudgeDays();

  constructor(dataDir: string) {
    this.#path = ledgerPath(dataDir);
    this.#connection = openFile("ledger", this.#path);
    this.#file = fileId(this.#path);
  }

  mark(writer: string): JournalPosition | undefined {
    return readMark(this.#connection, writer);
  }

  get hasMarks(): boolean {
    return hasMarks(this.#connection);
  }

  forgetMarks(): void {
    forgetMarks(this.#connection);
  }

  /** Opens the file anew if it was deleted or replaced, and says whether that was so. */
  reopenIfLost(): boolean {
    if (fileId(this.#path) === this.#file) return false;
    this.#connection.close();
    this.#connection = openFile("ledger", this.#path);
    this.#file = fileId(this.#path);
    this.#forgetNames();
    return true;
  }

  /** All of it, or nothing. */
  take(batch: LedgerBatch): { readonly added: number; readonly spent: readonly BudgetSpent[] } {
    const connection = this.#connection;
    try {
      return connection.atomically(() => {
        const entries = batch.records.flatMap(({ record }) =>
          record.object === "audit.record" && isNew(connection, record.id, batch.nowMs)
            ? [record]
            : [],
        );
        const spent = this.#count(entries);
        for (const counted of countedAmendments(batch)) {
          if (!isNew(connection, counted.amendment.id, batch.nowMs)) continue;
          this.#judgeDays.add(connection, counted);
        }
        if (batch.mark !== undefined) writeMark(connection, batch.writer, batch.mark);
        forget(connection, batch.forgetBeforeMs);
        return { added: entries.length, spent };
      });
    } catch (error) {
      this.#forgetNames(); // What was read in a transaction that is undone may not be so.
      throw error;
    }
  }

  /** Forgets some of the periods and writers that are long over; says how many. */
  prune(nowMs: number): number {
    return this.#connection.atomically(() => pruneLedger(this.#connection, nowMs));
  }

  close(): void {
    this.#connection.close();
  }

  #forgetNames(): void {
    this.#tags.clear();
    this.#judgeDays.forget();
  }

  #count(entries: readonly AuditEntry[]): BudgetSpent[] {
    const sums = new LedgerSums();
    for (const entry of entries) {
      const count = countEntry(entry);
      const day = Math.floor(count.startedEpochMs / dayMs);
      sums.add(entry, count, this.#tagsOf(entry.tenant, day, count));
    }
    for (const row of sums.usage()) {
      const params = [...row.values, ...row.sums.map(held)];
      this.#connection.run({ sql: addSqls[row.table], params });
    }
    return sums.spent().map((row) => writeSpent(this.#connection, row));
  }

  /** The rows of tags that a request is in. Beyond the first hundred of a tenant's day there is one for all others. */
  #tagsOf(tenant: string, day: number, { tags }: EntryCount): Set<string> {
    if (tags.length === 0) return noTags;
    const known = this.#tagsKnown(tenant, day);
    const rows = new Set<string>();
    for (const tag of tags) {
      if (!known.has(tag) && known.size < tagsPerDayMax) known.add(tag);
      rows.add(known.has(tag) ? tag : otherTag);
    }
    return rows;
  }

  #tagsKnown(tenant: string, day: number): Set<string> {
    const name = `${day} ${tenant}`;
    const known = this.#tags.get(name);
    if (known !== undefined) return known;
    const sql = "SELECT DISTINCT tag FROM tag_days WHERE tenant = ? AND day = ? AND tag <> ?";
    const rows = this.#connection.all({ sql, params: [tenant, day, otherTag] });
    const tags = new Set(rows.map(({ tag }) => String(tag)));
    if (this.#tags.size >= tagDaysKnownMax) this.#tags.clear();
    this.#tags.set(name, tags);
    return tags;
  }
}

const hourMs = 3_600_000;
const noTags = new Set<string>();

/** Evaluations and feedback; whatever else was said later of a request counts nowhere. */
function countedAmendments({ records }: LedgerBatch): CountedAmendment[] {
  return records.flatMap(({ record }) => {
    if (record.object !== "audit.amendment") return [];
    const count = countEvaluation(record);
    return count === undefined ? [] : [{ amendment: record, count }];
  });
}

/** Notes that a request, or an amendment, is counted; false where it is already. */
function isNew(connection: Connection, id: string, nowMs: number): boolean {
  const sql = "INSERT OR IGNORE INTO settled VALUES (?, ?)";
  return connection.run({ sql, params: [idBytes(id), Math.floor(nowMs / hourMs)] }) === 1;
}

/** What the journal has no more cannot come again. By when it was taken: a request may be older than its record. */
function forget(connection: Connection, beforeMs: number | undefined): void {
  if (beforeMs === undefined) return;
  const some = "SELECT id FROM settled WHERE taken_hour < ? ORDER BY taken_hour LIMIT ?";
  const params = [Math.floor(beforeMs / hourMs), forgottenPerBatch];
  connection.run({ sql: `DELETE FROM settled WHERE id IN (${some})`, params });
}

const dimensions: Readonly<Record<UsageTable, readonly string[]>> = {
  usage_hours: ["tenant", "hour", "key", "model", "served_model", "provider"],
  usage_days: ["tenant", "day", "key", "model", "served_model", "provider"],
  tag_days: ["tenant", "day", "tag", "model"],
};

const addUsageSql = (table: UsageTable): string =>
  addSql({ table, dimensions: dimensions[table], sums: usageSums });

const addSqls: Readonly<Record<UsageTable, string>> = {
  usage_hours: addUsageSql("usage_hours"),
  usage_days: addUsageSql("usage_days"),
  tag_days: addUsageSql("tag_days"),
};

const addSpentSql = `
  INSERT INTO spent VALUES (?, ?, ?, ?) ON CONFLICT (period_id, tenant, key)
  DO UPDATE SET nano_usd = ${added("spent.nano_usd", "excluded.nano_usd")} RETURNING nano_usd`;

function writeSpent(connection: Connection, row: SpentRow): BudgetSpent {
  const { tenantId, keyId, periodId, nanoUsd } = row;
  const params = [periodId, tenantId, keyId ?? "", held(nanoUsd)];
  const [written] = connection.allExact({ sql: addSpentSql, params });
  return { tenantId, keyId, periodId, spentNanoUsd: written?.["nano_usd"] as bigint };
}
