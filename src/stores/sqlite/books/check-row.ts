import { hash } from "node:crypto";

import type { AuditEntry, AuditRecord } from "../../../pipeline/audit/entry.ts";
import { verifyEmptied, verifyLink } from "../../../pipeline/audit/chain.ts";
import type { Connection } from "../connection.ts";
import type { SqlValue } from "../protocol.ts";
import type { ChainRow } from "./chain-rows.ts";
import { dayOfId } from "./day-files.ts";
import { verifyEmptiedMark } from "./emptied-mark.ts";
import { amendmentFacet, facetsOf, tenantFacet } from "./facets.ts";

/** What one record needs to be checked by itself. */
export interface RowFiles {
  readonly audit: Connection;
  readonly payloads: Connection | undefined;
}

/** What was done to a record; undefined: nothing. Where it stands among the others is not looked at. */
export function rowFault(
  row: ChainRow,
  keys: readonly Buffer[],
  files: RowFiles,
): string | undefined {
  if (!keys.some((key) => isSealed(row, key))) {
    return "it is not what was sealed: its text, its place or a hash was changed, or it was inserted";
  }
  if (row.isRepeated) return repeatedFault(row, files.audit);
  if (row.text === undefined) return emptiedFault(row, keys);
  if (row.textHash !== undefined) return "it has its text, and a hash as if that were gone";
  const record = JSON.parse(row.text) as AuditRecord;
  const wrong = wrongColumn(row, record);
  if (wrong !== undefined) return `its column ${wrong} differs from its text`;
  if (!isFound(row, record, files.audit)) {
    return "queries do not find it as they should: its rows in the index were changed";
  }
  if (record.object === "audit.amendment") return undefined;
  return payloadFault(row, record, files.payloads);
}

function isSealed(row: ChainRow, key: Buffer): boolean {
  const link = { writer: row.writer, seq: row.seq, prevHash: row.prevHash, hash: row.hash };
  if (row.text !== undefined) return verifyLink(key, link, row.text);
  return row.textHash !== undefined && verifyEmptied(key, link, row.textHash);
}

function repeatedFault(row: ChainRow, file: Connection): string | undefined {
  const { idBytes, text, emptiedMark = noMark } = row;
  if (emptiedMark.length > 0) return "the hash of its text was changed";
  const sql = "SELECT 1 FROM records WHERE id = ? AND is_repeated = 0";
  const [own] = file.all({ sql, params: [idBytes] });
  if (own !== undefined && text === undefined) return undefined;
  return "it is hidden as the repetition of a record that is not there";
}

const noMark = new Uint8Array();

function emptiedFault(
  { hash: recordHash, emptiedMark = noMark }: ChainRow,
  keys: readonly Buffer[],
): string | undefined {
  const named = Buffer.from(recordHash, "hex");
  if (keys.some((key) => verifyEmptiedMark(key, named, emptiedMark))) return undefined;
  return "its text is gone, and it was not Sentinel who took it when its time was over";
}

function wrongColumn(row: ChainRow, record: AuditRecord): string | undefined {
  const requestId = record.object === "audit.amendment" ? record.request_id : undefined;
  if (row.id !== record.id) return "id";
  if (row.tenant !== record.tenant) return "tenant";
  if (row.requestId !== requestId) return "request_id";
  if (row.day !== dayOfId(requestId ?? record.id)) return "day (the file in which it lies)";
  return undefined;
}

function isFound({ idBytes }: ChainRow, record: AuditRecord, file: Connection): boolean {
  const isAmendment = record.object === "audit.amendment";
  const facets = isAmendment
    ? [amendmentFacet(record.tenant)]
    : [...new Set([tenantFacet(record.tenant), ...facetsOf(record)])];
  const cost = isAmendment ? 0 : record.cost_nano_usd;
  const places = facets.map(() => "?").join(", ");
  const sql = `
    SELECT count(*) AS count FROM facets
    WHERE facet IN (${places}) AND id = ? AND cost_nano_usd = ?`;
  const params: SqlValue[] = [...facets, idBytes, cost];
  return file.all({ sql, params })[0]?.["count"] === facets.length;
}

/** One that was erased, or whose time is over, is no fault. */
function payloadFault(
  row: ChainRow,
  entry: AuditEntry,
  file: Connection | undefined,
): string | undefined {
  const sql = "SELECT * FROM payloads WHERE id = ? AND prompt IS NOT NULL";
  const [payload] = file?.all({ sql, params: [row.idBytes] }) ?? [];
  if (payload === undefined) return undefined;
  const isSame =
    entry.payload !== null &&
    payload["tenant"] === entry.tenant &&
    hash("sha256", String(payload["prompt"])) === entry.payload.prompt_sha256 &&
    hash("sha256", String(payload["answer"])) === entry.payload.answer_sha256;
  return isSame ? undefined : "its prompt or answer was changed";
}
