import type { AuditRecord } from "../../../pipeline/audit/entry.ts";
import type { Connection } from "../connection.ts";
import type { AuditWriter } from "./audit-writer.ts";
import { dayMs, dayStartMs, listDays } from "./day-files.ts";
import type { Day } from "./day-files.ts";
import { emptiedHash } from "./emptied-mark.ts";
import { amendmentFacet, facetsOf, tenantFacet } from "./facets.ts";
import type { Facet } from "./facets.ts";
import { addRemoved } from "./removed-places.ts";
import type { RemovedPlaces } from "./removed-places.ts";

/** How long what is kept, in days after the day in which a request began. */
export interface RetentionPolicies {
  readonly auditDays: number;
  readonly tenants: readonly TenantDays[];
}

export interface TenantDays {
  readonly tenantId: string;
  /** Undefined, or more than everyone's: as long as everyone's. */
  readonly auditDays: number | undefined;
  /** Undefined: prompts and answers are not kept. */
  readonly payloadDays: number | undefined;
}

export interface RetentionReport {
  readonly removedFiles: number;
  readonly emptiedRecords: number;
  readonly erasedPayloads: number;
  /** False: the bound was reached, and there is more to do. */
  readonly isFinished: boolean;
}

export interface RetentionRun {
  readonly dataDir: string;
  readonly audit: AuditWriter;
  readonly chainKey: Buffer;
  readonly policies: RetentionPolicies;
  readonly nowMs: number;
}

/** A run does so much at most: what is to be written waits for it. */
const filesPerRun = 4;
const rowsPerRun = 4_000;
const rowsPerTransaction = 500;

/** Removes and empties what has been kept long enough. Blocks for a second at most on a slow disk. */
export function runRetention(run: RetentionRun): RetentionReport {
  const work = { files: 0, emptied: 0, erased: 0, isFinished: true };
  removeAuditFiles(run, work);
  forgetLostFiles(run);
  emptyRecords(run, work);
  erasePayloads(run, work);
  return {
    removedFiles: work.files,
    emptiedRecords: work.emptied,
    erasedPayloads: work.erased,
    isFinished: work.isFinished,
  };
}

interface Work {
  files: number;
  emptied: number;
  erased: number;
  isFinished: boolean;
}

const isOver = (day: Day, days: number, nowMs: number): boolean =>
  dayStartMs(day) + (1 + days) * dayMs <= nowMs;

function removeAuditFiles({ dataDir, audit, chainKey, policies, nowMs }: RetentionRun, work: Work) {
  for (const day of listDays(dataDir, "audit")) {
    if (!isOver(day, policies.auditDays, nowMs)) return;
    if (work.files >= filesPerRun) {
      work.isFinished = false;
      return;
    }
    const removed = placesIn(audit.fileOf("audit", day));
    audit.chain.atomically(() => {
      for (const [writer, places] of removed) {
        addRemoved(audit.chain, { key: chainKey, writer, places });
      }
      audit.chain.run({ sql: "DELETE FROM days WHERE day = ?", params: [day] });
    });
    audit.removeFile("audit", day);
    work.files += 1;
  }
}

/** Files that somebody else has removed are missed as long as they would have been kept. */
function forgetLostFiles({ dataDir, audit, policies, nowMs }: RetentionRun): void {
  const there = new Set(listDays(dataDir, "audit"));
  for (const row of audit.chain.all({ sql: "SELECT day FROM days" })) {
    const day = String(row["day"]);
    if (there.has(day) || !isOver(day, policies.auditDays, nowMs)) continue;
    audit.chain.run({ sql: "DELETE FROM days WHERE day = ?", params: [day] });
    audit.removeFile("audit", day);
  }
}

/** The places that a file has of each writer's chain, side by side ones as one. */
function placesIn(connection: Connection): Map<string, RemovedPlaces[]> {
  const sql = `
    SELECT writers.writer, seq, hex(prev_hash) AS prev_hash, hex(hash) AS hash
    FROM records JOIN writers ON writers.number = records.writer ORDER BY records.writer, seq`;
  const found = new Map<string, RemovedPlaces[]>();
  for (const row of connection.iterate({ sql })) {
    const writer = String(row["writer"]);
    const [from, to] = [Number(row["seq"]), Number(row["seq"])];
    const [prevHash, last] = [hexOf(row["prev_hash"]), hexOf(row["hash"])];
    const places = found.get(writer) ?? [];
    found.set(writer, places);
    const before = places.at(-1);
    if (before?.to === from - 1 && before.hash === prevHash) {
      places[places.length - 1] = { ...before, to, hash: last };
    } else places.push({ writer, from, to, prevHash, hash: last });
  }
  return found;
}

const hexOf = (value: unknown): string => String(value).toLowerCase();

/** Of tenants that keep less than everyone: the texts go, the hashes stay, so that the chain still holds. */
function emptyRecords(run: RetentionRun, work: Work): void {
  const { dataDir, audit, chainKey, policies, nowMs } = run;
  const tenants = policies.tenants.flatMap(({ tenantId, auditDays }) =>
    auditDays === undefined || auditDays >= policies.auditDays ? [] : [{ tenantId, auditDays }],
  );
  if (tenants.length === 0) return;
  for (const day of listDays(dataDir, "audit")) {
    const over = tenants.filter(({ auditDays }) => isOver(day, auditDays, nowMs));
    if (over.length === 0) continue;
    let emptied = 0;
    const connection = audit.fileOf("audit", day);
    for (const { tenantId } of over) {
      for (const facet of [tenantFacet(tenantId), amendmentFacet(tenantId)]) {
        emptied += emptyUnder(connection, { chainKey, tenantId, facet }, work);
      }
    }
    if (emptied > 0) truncateLog(connection);
    if (work.emptied >= rowsPerRun) return;
  }
}

interface RecordsToEmpty {
  readonly chainKey: Buffer;
  readonly tenantId: string;
  readonly facet: Facet;
}

function emptyUnder(connection: Connection, under: RecordsToEmpty, work: Work): number {
  let emptied = 0;
  for (;;) {
    if (work.emptied >= rowsPerRun) {
      work.isFinished = false;
      return emptied;
    }
    const some = connection.atomically(() => emptySome(connection, under));
    emptied += some;
    work.emptied += some;
    if (some < rowsPerTransaction) return emptied;
  }
}

function emptySome(connection: Connection, { chainKey, tenantId, facet }: RecordsToEmpty): number {
  const sql = `
    SELECT facets.id, number, tenant, hash, text FROM facets
    LEFT JOIN records ON records.id = facets.id AND is_repeated = 0
    WHERE facet = ? LIMIT ?`;
  const rows = connection.all({ sql, params: [facet, rowsPerTransaction] });
  for (const { id, number, tenant, hash, text } of rows) {
    if (typeof tenant === "string" && tenant !== tenantId) continue;
    let facets = [facet];
    if (typeof text === "string") {
      const empty = "UPDATE records SET text = NULL, text_hash = ? WHERE number = ?";
      const kept = emptiedHash(chainKey, hash as Uint8Array, text);
      connection.run({ sql: empty, params: [kept, number ?? null] });
      facets = [facet, ...facetsOfText(text)];
    }
    for (const its of facets) {
      const params = [its, id ?? null];
      connection.run({ sql: "DELETE FROM facets WHERE facet = ? AND id = ?", params });
    }
  }
  return rows.length;
}

function facetsOfText(text: string): Facet[] {
  try {
    const record = JSON.parse(text) as AuditRecord;
    return record.object === "audit.amendment" ? [] : facetsOf(record);
  } catch {
    return []; // Changed by somebody. It goes all the same; the verification says that it was changed.
  }
}

/** Pages in the log still have what was erased until they are written over. */
function truncateLog(connection: Connection): void {
  connection.all({ sql: "PRAGMA wal_checkpoint(TRUNCATE)" });
}

function erasePayloads({ dataDir, audit, policies, nowMs }: RetentionRun, work: Work): void {
  const daysOf = new Map(
    policies.tenants.map(({ tenantId, payloadDays }) => [tenantId, payloadDays]),
  );
  const longestDays = Math.max(-1, ...policies.tenants.map(({ payloadDays }) => payloadDays ?? -1));
  for (const day of listDays(dataDir, "payloads")) {
    if (isOver(day, longestDays, nowMs) && isOver(day, 1, nowMs)) {
      audit.removeFile("payloads", day);
      work.files += 1;
      continue;
    }
    const connection = audit.fileOf("payloads", day);
    let erased = 0;
    for (const tenantId of tenantsIn(connection)) {
      const days = daysOf.get(tenantId);
      if (days !== undefined && !isOver(day, days, nowMs)) continue;
      erased += eraseOf(connection, tenantId, work);
    }
    if (erased > 0) truncateLog(connection);
    if (work.erased >= rowsPerRun) return;
  }
}

/** One seek in the index for each. */
function* tenantsIn(connection: Connection): Iterable<string> {
  let last: string | undefined;
  for (;;) {
    const where = last === undefined ? "" : "WHERE tenant > ?";
    const sql = `SELECT min(tenant) AS tenant FROM payloads ${where}`;
    const tenant = connection.all({ sql, params: last === undefined ? [] : [last] })[0]?.["tenant"];
    if (typeof tenant !== "string") return;
    yield tenant;
    last = tenant;
  }
}

function eraseOf(connection: Connection, tenantId: string, work: Work): number {
  let erased = 0;
  for (;;) {
    if (work.erased >= rowsPerRun) {
      work.isFinished = false;
      return erased;
    }
    const sql =
      "DELETE FROM payloads WHERE id IN (SELECT id FROM payloads WHERE tenant = ? LIMIT ?)";
    const some = connection.run({ sql, params: [tenantId, rowsPerTransaction] });
    erased += some;
    work.erased += some;
    if (some < rowsPerTransaction) return erased;
  }
}
