import { hash, randomUUID } from "node:crypto";
import { renameSync } from "node:fs";

import type {
  CheckpointLine,
  JournalLine,
  PayloadLine,
  RecordLine,
} from "../../disk/journal-line.ts";
import type { Connection } from "../connection.ts";
import { isDamaged } from "../connection.ts";
import { chainPath, dayFilePath, dayOf, dayOfId, listDays, removeDatabase } from "./day-files.ts";
import type { Day, DayFileKind } from "./day-files.ts";
import { facetsOf, amendmentFacet, tenantFacet } from "./facets.ts";
import { idBytes, isUlid } from "./id-bytes.ts";
import { insertFacets } from "./insert-facets.ts";
import type { FacetRow } from "./insert-facets.ts";
import { OpenFiles } from "./open-files.ts";
import { openFile } from "./open-file.ts";
import { placeRecord } from "./read-record.ts";
import type { PlacedRecord } from "./read-record.ts";

/** Requests that end now began today or yesterday; a replay goes through days in order. */
const openFilesMax = 8;

export interface WrittenLines {
  /** Records that were not there. */
  readonly added: readonly RecordLine[];
  /** These and those that were there already, without what another writer told before: what a ledger may count. */
  readonly own: readonly RecordLine[];
  readonly refused: readonly { readonly line: JournalLine; readonly reason: string }[];
}

/** Writes audit records and payloads into the files of their days. For one thread of one process. */
export class AuditWriter {
  /** Called when something that had been written is gone. */
  onLost: (() => void) | undefined;
  readonly chain: Connection;
  /** Whose files were made, and were gone when this was opened. */
  readonly daysLostBefore: readonly Day[];
  readonly #dataDir: string;
  readonly #files = new OpenFiles((path) => openFile(kindOf(path), path), openFilesMax);
  readonly #knownDays: Set<Day>;
  /** Something was lost before anybody listened. */
  #isLost = false;

  constructor(dataDir: string) {
    this.#dataDir = dataDir;
    this.chain = openFile("chain", chainPath(dataDir));
    this.#knownDays = new Set(
      this.chain.all({ sql: "SELECT day FROM days" }).map(({ day }) => String(day)),
    );
    const there = new Set(listDays(dataDir, "audit"));
    this.daysLostBefore = [...this.#knownDays].filter((day) => !there.has(day));
  }

  /** Whether a file has been lost since the last time that this was asked. */
  takeLoss(): boolean {
    const isLost = this.#isLost;
    this.#isLost = false;
    return isLost;
  }

  write(lines: readonly JournalLine[]): WrittenLines {
    const refused: { line: JournalLine; reason: string }[] = [];
    const records = new Map<Day, PlacedRecord[]>();
    const payloads = new Map<Day, PayloadLine[]>();
    const checkpoints = new Map<Day, CheckpointLine[]>();
    for (const line of lines) {
      if (line.kind === "record") {
        const placed = placeRecord(line);
        if (typeof placed === "string") refused.push({ line, reason: placed });
        else addTo(records, placed.day, placed);
      } else if (line.kind === "payload") {
        if (isPayload(line)) addTo(payloads, dayOfId(line.payload.id), line);
        else refused.push({ line, reason: "it is no payload" });
      } else if (line.kind === "checkpoint") {
        addTo(checkpoints, dayOf(line.epochMs), line);
      }
    }

    const added: RecordLine[] = [];
    const own: RecordLine[] = [];
    for (const [day, some] of records) {
      const outcome = this.#inFile("audit", day, (connection) => writeRecords(connection, some));
      added.push(...outcome.added);
      own.push(...outcome.own);
      refused.push(...outcome.refused);
    }
    // After the records: whoever verifies meanwhile must not find a checkpoint of what is not there yet.
    for (const [day, some] of checkpoints) {
      this.#inFile("audit", day, (connection) => {
        writeCheckpoints(connection, some);
      });
    }
    for (const [day, some] of payloads) {
      this.#inFile("payloads", day, (connection) => {
        writePayloads(connection, some);
      });
    }
    return { added, own, refused };
  }

  /** The open file of a day, for the retention. */
  fileOf(kind: DayFileKind, day: Day): Connection {
    const path = dayFilePath(this.#dataDir, kind, day);
    const connection = this.#files.get(path);
    if (connection === undefined) throw new Error(`${path} is not open.`);
    return connection;
  }

  /** Unlinks a day's file. Of an audit file the chain must have been told before. */
  removeFile(kind: DayFileKind, day: Day): void {
    const path = dayFilePath(this.#dataDir, kind, day);
    this.#files.close(path);
    this.#knownDays.delete(day);
    removeDatabase(path);
  }

  close(): void {
    this.#files.closeAll();
    this.chain.close();
  }

  #inFile<Result>(kind: DayFileKind, day: Day, work: (connection: Connection) => Result): Result {
    const path = dayFilePath(this.#dataDir, kind, day);
    if (this.#files.closeIfLost(path)) this.#lost();
    if (kind === "audit" && !this.#knownDays.has(day)) {
      this.chain.run({ sql: "INSERT OR IGNORE INTO days VALUES (?)", params: [day] });
      this.#knownDays.add(day);
    }
    try {
      const connection = this.fileOf(kind, day);
      return connection.atomically(() => work(connection));
    } catch (error) {
      if (isDamaged(error)) this.#setAside(path);
      throw error;
    }
  }

  /** A damaged file must not keep all that follows from being written: the next try makes a new one. */
  #setAside(path: string): void {
    this.#files.close(path);
    renameSync(path, `${path}.damaged-${randomUUID()}`);
    removeDatabase(path);
    this.#lost();
  }

  #lost(): void {
    if (this.onLost === undefined) this.#isLost = true;
    else this.onLost();
  }
}

const kindOf = (path: string): DayFileKind => (path.includes("/payloads-") ? "payloads" : "audit");

function addTo<Value>(byDay: Map<Day, Value[]>, day: Day, value: Value): void {
  const known = byDay.get(day);
  if (known === undefined) byDay.set(day, [value]);
  else known.push(value);
}

const insertRecordSql = `
  INSERT OR IGNORE INTO records
    (id, request_id, tenant, writer, seq, prev_hash, hash, is_repeated, text_hash, text)
  VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`;

function writeRecords(connection: Connection, records: readonly PlacedRecord[]): WrittenLines {
  const added: RecordLine[] = [];
  const own: RecordLine[] = [];
  const refused: { line: JournalLine; reason: string }[] = [];
  const facets: FacetRow[] = [];
  const numberOf = writerNumbers(connection);
  for (const placed of records) {
    const { line } = placed;
    const id = idBytes(line.record.id);
    const writer = numberOf(line.chain.writer);
    if (insertRecord(connection, placed, { id, writer }, false) === 1) {
      added.push(line);
      own.push(line);
      pushFacets(facets, line, id);
      continue;
    }
    const outcome = whatIsThere(connection, line, { id, writer });
    if (outcome === "same") own.push(line);
    else if (outcome === "other place") insertRecord(connection, placed, { id, writer }, true);
    else refused.push({ line, reason: "another record has its place in the chain" });
  }
  insertFacets(connection, facets);
  return { added, own, refused };
}

interface RowKey {
  readonly id: Buffer;
  readonly writer: number;
}

/** A repeated one is never shown: only its place in the chain is kept. */
function insertRecord(
  connection: Connection,
  { line, requestId }: PlacedRecord,
  { id, writer }: RowKey,
  isRepeated: boolean,
): number {
  const { record, chain, text } = line;
  const params = [
    id,
    requestId === undefined ? null : idBytes(requestId),
    record.tenant,
    writer,
    chain.seq,
    Buffer.from(chain.prevHash, "hex"),
    Buffer.from(chain.hash, "hex"),
    isRepeated ? 1 : 0,
    isRepeated ? hash("sha256", text, "buffer") : null,
    isRepeated ? null : text,
  ];
  return connection.run({ sql: insertRecordSql, params });
}

/** Why a record could not be inserted: it is there, or its request is told of at another place, or its place is taken. */
function whatIsThere(
  connection: Connection,
  { chain }: RecordLine,
  { id, writer }: RowKey,
): "same" | "other place" | "taken" {
  const sql = "SELECT id, hash, is_repeated FROM records WHERE writer = ? AND seq = ?";
  const [atPlace] = connection.all({ sql, params: [writer, chain.seq] });
  if (atPlace === undefined) return "other place";
  const isSame =
    id.equals(atPlace["id"] as Uint8Array) &&
    Buffer.from(chain.hash, "hex").equals(atPlace["hash"] as Uint8Array);
  if (!isSame) return "taken";
  // One that is repeated is there, but is not the one that counts; inserting it again changes nothing.
  return atPlace["is_repeated"] === 0 ? "same" : "other place";
}

function pushFacets(facets: FacetRow[], { record }: RecordLine, id: Buffer): void {
  if (record.object === "audit.amendment") {
    facets.push({ facet: amendmentFacet(record.tenant), id, costNanoUsd: 0 });
    return;
  }
  const costNanoUsd = record.cost_nano_usd;
  const all = tenantFacet(record.tenant);
  facets.push({ facet: all, id, costNanoUsd });
  for (const facet of facetsOf(record)) if (facet !== all) facets.push({ facet, id, costNanoUsd });
}

/** A writer's number in a file. Its name is 26 letters, twice in each row. */
function writerNumbers(connection: Connection): (writer: string) => number {
  let last: { readonly writer: string; readonly number: number } | undefined;
  return (writer) => {
    if (last?.writer === writer) return last.number;
    connection.run({ sql: "INSERT OR IGNORE INTO writers (writer) VALUES (?)", params: [writer] });
    const sql = "SELECT number FROM writers WHERE writer = ?";
    const number = Number(connection.all({ sql, params: [writer] })[0]?.["number"]);
    last = { writer, number };
    return number;
  };
}

function writeCheckpoints(connection: Connection, points: readonly CheckpointLine[]): void {
  const sql = "INSERT OR IGNORE INTO checkpoints VALUES (?, ?, ?, ?, ?, ?)";
  for (const { writer, seq, count, hash: last, epochMs, signature } of points) {
    connection.run({ sql, params: [writer, seq, count, last, epochMs, signature] });
  }
}

function isPayload({ payload }: PayloadLine): boolean {
  const { id, tenant, prompt, answer } = payload;
  const areTexts = [tenant, prompt, answer].every((text) => typeof text === "string");
  return areTexts && isUlid(id) && /^\d{8}$/.test(dayOfId(id));
}

/** One that was erased stays so: its row is there, empty. */
function writePayloads(connection: Connection, lines: readonly PayloadLine[]): void {
  const sql = "INSERT OR IGNORE INTO payloads VALUES (?, ?, ?, ?, ?)";
  for (const { payload } of lines) {
    const { id, tenant, prompt, answer, cut } = payload;
    connection.run({ sql, params: [idBytes(id), tenant, prompt, answer, cut ? 1 : 0] });
  }
}
