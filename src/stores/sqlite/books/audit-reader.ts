import type {
  AuditPage,
  AuditQuery,
  StoredPayload,
  StoredRecord,
} from "../../../pipeline/audit/audit-log.ts";
import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import { oldestFirst } from "../../../pipeline/audit/oldest-first.ts";
import type { Connection } from "../connection.ts";
import type { SqlRow } from "../protocol.ts";
import { dayFilePath, dayMs, dayOf, dayOfId, dayStartMs, listDays } from "./day-files.ts";
import type { Day } from "./day-files.ts";
import { facetsOfQuery, isMatch } from "./facets.ts";
import { firstIdBytes, idBytes, idText, isUlid } from "./id-bytes.ts";
import { findIds, rowsPerStep } from "./find-ids.ts";
import type { IdRange } from "./find-ids.ts";
import { OpenFiles } from "./open-files.ts";
import { openFile, openToRead } from "./open-file.ts";

/** A page over a month of days needs no file opened twice. */
const openFilesMax = 40;
export const recordsPerPageMax = 1_000;
/**
 * A call goes through no more rows of the index than this, some tens of milliseconds: the page is short then, and
 * says where the next one begins. A file counts as much as a thousand rows.
 */
const rowsPerCallMax = 100_000;
const rowsPerFile = 1_000;

/** Reads the files of the days, while another thread writes to them. For the reading thread: every call blocks it. */
export class AuditReader {
  readonly #dataDir: string;
  readonly #files = new OpenFiles(openToRead, openFilesMax);

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
  }

  list(query: AuditQuery): AuditPage {
    const limit = Math.min(Math.max(1, query.limit), recordsPerPageMax);
    const range = rangeOf(query);
    const search = { query, facets: facetsOfQuery(query) };
    const records: StoredRecord[] = [];
    let rows = 0;
    for (const day of this.#daysIn(range)) {
      const file = this.#file("audit", day);
      if (file === undefined) continue;
      let before = smaller(range.before, firstIdBytes(dayStartMs(day) + dayMs));
      const from = larger(range.from, firstIdBytes(dayStartMs(day)));
      for (;;) {
        if (rows >= rowsPerCallMax) return { records, next: idText(before) };
        // One more than the page holds tells whether there is a next one.
        const wanted = limit + 1 - records.length;
        const found = findIds(file, search, { range: { from, before }, wanted });
        rows += found.scannedTo === undefined ? rowsPerFile : rowsPerStep * search.facets.length;
        for (const id of found.ids) {
          const record = readRecord(file, query.tenantId, id);
          if (record === undefined || !isMatch(parse(record.text), query)) continue;
          if (records.length === limit) return { records, next: records.at(-1)?.id };
          records.push(record);
        }
        if (found.scannedTo === undefined) break;
        before = found.scannedTo;
      }
    }
    return { records, next: undefined };
  }

  get(tenantId: string, id: string): StoredRecord | undefined {
    const file = isUlid(id) ? this.#file("audit", dayOfId(id)) : undefined;
    return file && readRecord(file, tenantId, idBytes(id));
  }

  payload(tenantId: string, id: string): StoredPayload | undefined {
    const file = isUlid(id) ? this.#file("payloads", dayOfId(id)) : undefined;
    const sql = "SELECT * FROM payloads WHERE id = ? AND tenant = ? AND prompt IS NOT NULL";
    const [row] = file?.all({ sql, params: [idBytes(id), tenantId] }) ?? [];
    if (row === undefined) return undefined;
    const [prompt, answer] = [String(row["prompt"]), String(row["answer"])];
    return { prompt, answer, cut: row["is_cut"] === 1 };
  }

  /** The row stays, empty: the journal may bring the payload again. */
  erasePayload(tenantId: string, id: string): boolean {
    if (this.payload(tenantId, id) === undefined) return false;
    const path = dayFilePath(this.#dataDir, "payloads", dayOfId(id));
    const file = openFile("payloads", path);
    try {
      const sql =
        "UPDATE payloads SET prompt = NULL, answer = NULL WHERE id = ? AND tenant = ? AND prompt IS NOT NULL";
      const isErased = file.run({ sql, params: [idBytes(id), tenantId] }) === 1;
      // Its pages are in the log until that is written back.
      this.#files.close(path);
      file.all({ sql: "PRAGMA wal_checkpoint(TRUNCATE)" });
      return isErased;
    } finally {
      file.close();
    }
  }

  close(): void {
    this.#files.closeAll();
  }

  #daysIn({ from, before }: IdRange): Day[] {
    const [first, last] = [dayOfBytes(from), lastDayBefore(before)];
    const days = listDays(this.#dataDir, "audit");
    return days.filter((day) => day >= first && day <= last).reverse();
  }

  #file(kind: "audit" | "payloads", day: Day): Connection | undefined {
    const path = dayFilePath(this.#dataDir, kind, day);
    this.#files.closeIfLost(path);
    return this.#files.get(path);
  }
}

function rangeOf({ fromMs, toMs, after }: AuditQuery): IdRange {
  const before = firstIdBytes(toMs);
  const place = after !== undefined && isUlid(after) ? idBytes(after) : before;
  return { from: firstIdBytes(fromMs), before: smaller(before, place) };
}

const smaller = (left: Buffer, right: Buffer): Buffer =>
  Buffer.compare(left, right) < 0 ? left : right;
const larger = (left: Buffer, right: Buffer): Buffer =>
  Buffer.compare(left, right) < 0 ? right : left;

/** The last day that there is a name for stands for all after it. */
const dayOfBytes = (id: Buffer): Day => dayOf(Math.min(id.readUIntBE(0, 6), lastDayMs));
const lastDayBefore = (id: Buffer): Day => {
  const isFirstOfInstant = id.subarray(6).every((byte) => byte === 0);
  return dayOf(Math.min(id.readUIntBE(0, 6) - (isFirstOfInstant ? 1 : 0), lastDayMs));
};
const lastDayMs = Date.UTC(9999, 11, 31);

const recordSql = `
  SELECT records.id, writers.writer, seq, prev_hash, hash, text
  FROM records JOIN writers ON writers.number = records.writer
  WHERE records.id = ? AND is_repeated = 0 AND tenant = ? AND request_id IS NULL AND text IS NOT NULL`;

const amendmentsSql = `
  SELECT text FROM records
  WHERE request_id = ? AND is_repeated = 0 AND tenant = ? AND text IS NOT NULL ORDER BY id`;

function readRecord(file: Connection, tenantId: string, id: Uint8Array): StoredRecord | undefined {
  const [row] = file.all({ sql: recordSql, params: [id, tenantId] });
  if (row === undefined) return undefined;
  const amendments = file.all({ sql: amendmentsSql, params: [id, tenantId] });
  return {
    id: idText(id),
    text: String(row["text"]),
    writer: String(row["writer"]),
    seq: Number(row["seq"]),
    prevHash: hexOf(row, "prev_hash"),
    hash: hexOf(row, "hash"),
    amendments: oldestFirst(amendments.map(({ text }) => String(text))),
  };
}

const hexOf = (row: SqlRow, column: string): string =>
  Buffer.from(row[column] as Uint8Array).toString("hex");

const parse = (text: string): AuditEntry => JSON.parse(text) as AuditEntry;
