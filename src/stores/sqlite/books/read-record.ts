import { entryFault } from "../../../pipeline/cost/count-entry.ts";
import type { AuditAmendment } from "../../../pipeline/audit/entry.ts";
import type { RecordLine } from "../../disk/journal-line.ts";
import { dayOfId } from "./day-files.ts";
import type { Day } from "./day-files.ts";
import { isUlid } from "./id-bytes.ts";

/** A record whose place is known: the day's file of its request. */
export interface PlacedRecord {
  readonly line: RecordLine;
  readonly day: Day;
  /** Of an amendment: whose. */
  readonly requestId: string | undefined;
}

/** Or why it can never have one. */
export function placeRecord(line: RecordLine): PlacedRecord | string {
  const { record, chain } = line;
  if (!isUlid(record.id)) return "its id is no ULID";
  if (!isUlid(chain.writer) || !isHash(chain.prevHash) || !isHash(chain.hash)) {
    return "it has no place in the chain";
  }
  if (!Number.isSafeInteger(chain.seq) || chain.seq < 1) return "it has no place in the chain";
  if (record.object === "audit.amendment") return placeAmendment(line, record);
  const fault = entryFault(record);
  if (fault !== undefined) return fault;
  const day = dayOfId(record.id);
  return isDay(day) ? { line, day, requestId: undefined } : "its id is of no day";
}

function placeAmendment(line: RecordLine, record: AuditAmendment): PlacedRecord | string {
  if (!isUlid(record.request_id)) return "it names no request";
  if (typeof record.tenant !== "string") return "it names no tenant";
  const day = dayOfId(record.request_id);
  return isDay(day) ? { line, day, requestId: record.request_id } : "its request is of no day";
}

const isHash = (text: string): boolean => /^[0-9a-f]{64}$/.test(text);
/** A ULID can name years of five digits. */
const isDay = (day: Day): boolean => /^\d{8}$/.test(day);
