import type { Connection } from "../connection.ts";
import type { SqlRow } from "../protocol.ts";
import type { Day } from "./day-files.ts";
import { partsOfTextHash } from "./emptied-mark.ts";
import { idText } from "./id-bytes.ts";

/** A record as it lies in a file. */
export interface ChainRow {
  readonly day: Day;
  readonly writer: string;
  readonly seq: number;
  readonly prevHash: string;
  readonly hash: string;
  readonly id: string;
  readonly idBytes: Uint8Array;
  readonly requestId: string | undefined;
  readonly tenant: string;
  readonly isRepeated: boolean;
  readonly text: string | undefined;
  /** Of a text that is gone. */
  readonly textHash: string | undefined;
  /** Beside it, where the text went because its time was over (`emptied-mark.ts`). */
  readonly emptiedMark: Uint8Array | undefined;
}

export type FileOf = (day: Day) => Connection | undefined;

/** So many rows of each file are in memory at once. */
const rowsPerRead = 64;

interface Cursor {
  readonly day: Day;
  rows: ChainRow[];
  /** After the rows that were read. */
  nextSeq: number;
}

/** The records of one writer in all files, in the order of their places. */
export function* rowsOfWriter(
  writer: string,
  days: readonly Day[],
  fileOf: FileOf,
): Generator<ChainRow, void> {
  const cursors: Cursor[] = days.map((day) => ({
    day,
    rows: [],
    nextSeq: Number.MIN_SAFE_INTEGER,
  }));
  const fill = (cursor: Cursor): boolean => {
    if (cursor.rows.length > 0) return true;
    cursor.rows = readRows(fileOf(cursor.day), writer, cursor);
    cursor.nextSeq = (cursor.rows[0]?.seq ?? 0) + 1;
    return cursor.rows.length > 0;
  };
  let live = cursors.filter(fill);
  while (live.length > 0) {
    live.sort((left, right) => seqOf(right) - seqOf(left));
    const cursor = live.pop();
    if (cursor === undefined) return;
    const otherSeq = seqOf(live.at(-1));
    // Files of one day after the other are read one after the other.
    while (fill(cursor) && seqOf(cursor) <= otherSeq) {
      const row = cursor.rows.pop();
      if (row !== undefined) yield row;
    }
    if (cursor.rows.length > 0) live.push(cursor);
    live = live.filter(fill);
  }
}

const seqOf = (cursor: Cursor | undefined): number =>
  cursor?.rows.at(-1)?.seq ?? Number.POSITIVE_INFINITY;

/** The last first, so that they are taken from the end. */
function readRows(file: Connection | undefined, writer: string, cursor: Cursor): ChainRow[] {
  const sql = `
    SELECT records.*, writers.writer AS writer_id FROM writers
    JOIN records ON records.writer = writers.number
    WHERE writers.writer = ? AND seq >= ? ORDER BY seq LIMIT ?`;
  const rows = file?.all({ sql, params: [writer, cursor.nextSeq, rowsPerRead] }) ?? [];
  return rows.map((row) => toRow(row, cursor.day)).reverse();
}

/** The record at a place, wherever it lies; it may have been written since that file was read. */
export function findRow(
  place: { readonly writer: string; readonly seq: number },
  days: readonly Day[],
  fileOf: FileOf,
): ChainRow | undefined {
  for (const day of days) {
    const sql = `
      SELECT records.*, writers.writer AS writer_id FROM writers
      JOIN records ON records.writer = writers.number WHERE writers.writer = ? AND seq = ?`;
    const [row] = fileOf(day)?.all({ sql, params: [place.writer, place.seq] }) ?? [];
    if (row !== undefined) return toRow(row, day);
  }
  return undefined;
}

function toRow(row: SqlRow, day: Day): ChainRow {
  const idBytes = bytesOf(row["id"]);
  const requestId = row["request_id"] === null ? undefined : idText(bytesOf(row["request_id"]));
  const kept = row["text_hash"] === null ? undefined : partsOfTextHash(bytesOf(row["text_hash"]));
  return {
    day,
    writer: String(row["writer_id"]),
    seq: Number(row["seq"]),
    prevHash: hexOf(row["prev_hash"]),
    hash: hexOf(row["hash"]),
    id: idText(idBytes),
    idBytes,
    requestId,
    tenant: String(row["tenant"]),
    isRepeated: row["is_repeated"] !== 0, // Queries show what has 0, and nothing else.
    text: typeof row["text"] === "string" ? row["text"] : undefined,
    textHash: kept?.textHash.toString("hex"),
    emptiedMark: kept?.mark,
  };
}

const bytesOf = (value: unknown): Uint8Array =>
  value instanceof Uint8Array ? value : new Uint8Array();
const hexOf = (value: unknown): string => Buffer.from(bytesOf(value)).toString("hex");
