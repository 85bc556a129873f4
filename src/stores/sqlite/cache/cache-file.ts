import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import type { Connection } from "../connection.ts";
import type { SqlValue } from "../protocol.ts";
import { DatabaseFile } from "./database-file.ts";
import type { DatabaseFileSettings } from "./database-file.ts";
import type { KeptFile } from "./file-keeper.ts";
import type { CountedFile, CountedRow } from "./key-census.ts";
import type { CacheRow, WantedRow } from "./protocol.ts";
import { schema, schemaVersion } from "./schema.ts";

/** So many are deleted at a time to make room, and to be rid of what is over. */
const evictedAtOnce = 64;
const expiredAtOnce = 200;
/** A look-up that was written down is written down again after this, so that what is used stays. */
const usedAgainMs = 60_000;
const usedRowsMax = 10_000;

/** The file of the exact tier, and what is done with it, on the thread that owns it. */
export class CacheFile implements KeptFile, CountedFile {
  readonly #file: DatabaseFile;
  readonly #connection: Connection;
  /** Rows that were found, and when: written down with the next batch. */
  readonly #used = new Map<number, number>();
  /** Rows are numbered here: to be told by SQLite costs half as much as to write one. */
  #lastId: number | undefined;
  #dataVersion: SqlValue | undefined;

  constructor(settings: DatabaseFileSettings) {
    this.#file = DatabaseFile.open(settings, { schema, version: schemaVersion });
    this.#connection = this.#file.connection;
    this.#dataVersion = this.#connection.value(dataVersionSql);
  }

  get isGone(): boolean {
    return this.#file.isGone;
  }

  /** Whether somebody else has written to the file since this was asked last. */
  wasChangedByOthers(): boolean {
    const before = this.#dataVersion;
    this.#dataVersion = this.#connection.value(dataVersionSql);
    return this.#dataVersion !== before;
  }

  rowsAfter(id: number, limit: number): readonly CountedRow[] {
    const rows = this.#connection.all({ sql: rowsAfterSql, params: [id, limit] });
    return rows.map((row) => ({
      id: Number(row["id"]),
      tenantId: String(row["tenant_id"]),
      key: String(row["key"]),
    }));
  }

  get({ tenantId, key }: WantedRow, nowMs: number): Uint8Array | undefined {
    const [row] = this.#connection.all({ sql: getSql, params: [tenantId, key, nowMs] });
    if (row === undefined) return undefined;
    const { id, used_at_ms: usedAtMs, bytes } = row;
    if (nowMs - Number(usedAtMs) > usedAgainMs && this.#used.size < usedRowsMax) {
      this.#used.set(Number(id), nowMs);
    }
    return bytes instanceof Uint8Array ? bytes : undefined;
  }

  /** All or none. Makes room for them, and is rid of some that are over. */
  put(rows: Iterable<CacheRow>, nowMs: number): void {
    const connection = this.#connection;
    connection.atomically(() => {
      for (const [id, usedAtMs] of this.#used) {
        connection.run({
          sql: "UPDATE answers SET used_at_ms = ? WHERE id = ?",
          params: [usedAtMs, id],
        });
      }
      this.#used.clear();
      for (const row of rows) this.#insert(row, nowMs);
      this.#deleteRows(expiredSql, [nowMs, expiredAtOnce]);
      if (this.#file.isOverBound) this.#evict();
    });
    this.#file.shrink();
  }

  makeRoom(): void {
    this.#connection.atomically(() => {
      this.#evict();
    });
  }

  /** The newest row there is: what a purge is about was there before it. */
  get lastRowId(): number {
    return Number(this.#connection.value("SELECT coalesce(max(id), 0) FROM answers"));
  }

  /**
   * Deletes up to `limit` rows of those until `lastRowId`, and says how many there were and how many of them were not
   * over. What is deleted is overwritten.
   */
  purge(
    what: Purge,
    {
      lastRowId,
      limit,
      nowMs,
    }: { readonly lastRowId: number; readonly limit: number; readonly nowMs: number },
  ): { readonly deleted: number; readonly alive: number } {
    const { sql, params } = purgeQuery(what);
    return this.#file.deleteSecurely(() => {
      const found = this.#connection.all({ sql, params: [...params, lastRowId, limit] });
      for (const { id } of found) this.#delete(Number(id));
      const alive = found.filter((row) => Number(row["expires_at_ms"]) > nowMs).length;
      return { deleted: found.length, alive };
    });
  }

  emptyLog(): void {
    this.#file.emptyLog();
  }

  drop({ tenantId, key }: WantedRow): void {
    const sql = "SELECT id FROM answers WHERE tenant_id = ? AND key = ?";
    this.#deleteRows(sql, [tenantId, key]);
  }

  close(): void {
    this.#file.close();
  }

  /** Deletes those that were used least recently. */
  #evict(): void {
    this.#file.makeRoom(() => this.#deleteRows(leastUsedSql, [evictedAtOnce]));
  }

  #insert(row: CacheRow, nowMs: number): void {
    const { tenantId, key, model, requestId, expiresAtMs, bytes } = row;
    let id = (this.#lastId ?? this.lastRowId) + 1;
    const params = [tenantId, key, model, requestId, nowMs, expiresAtMs];
    if (this.#connection.run({ sql: insertSql, params: [id, ...params] }) === 0) {
      // There is one by its key already, or others write to the file as well.
      this.drop(row);
      id = Math.max(id, this.lastRowId + 1);
      const inserted = this.#connection.run({ sql: insertSql, params: [id, ...params] });
      if (inserted === 0) throw new Error("The cache's file does not take a row.");
    }
    this.#lastId = id;
    this.#connection.run({ sql: insertBodySql, params: [id, bytes] });
    for (const [name, value] of Object.entries(row.tags)) {
      this.#connection.run({ sql: insertTagSql, params: [tenantId, name, value, id] });
    }
  }

  #deleteRows(sql: string, params: readonly SqlValue[]): number {
    const rows = this.#connection.all({ sql, params });
    for (const { id } of rows) this.#delete(Number(id));
    return rows.length;
  }

  #delete(id: number): void {
    for (const sql of deleteSqls) this.#connection.run({ sql, params: [id] });
  }
}

const getSql = `
  SELECT id, used_at_ms, (SELECT bytes FROM bodies WHERE bodies.id = answers.id) AS bytes
  FROM answers WHERE tenant_id = ? AND key = ? AND expires_at_ms > ?`;

const insertSql = `
  INSERT OR IGNORE INTO answers (id, tenant_id, key, model, request_id, used_at_ms, expires_at_ms)
  VALUES (?, ?, ?, ?, ?, ?, ?)`;

const insertBodySql = "INSERT INTO bodies (id, bytes) VALUES (?, ?)";

const insertTagSql = "INSERT INTO tags (tenant_id, name, value, id) VALUES (?, ?, ?, ?)";

const rowsAfterSql = "SELECT id, tenant_id, key FROM answers WHERE id > ? ORDER BY id LIMIT ?";

/** (https://www.sqlite.org/pragma.html#pragma_data_version) */
const dataVersionSql = "PRAGMA data_version";

const expiredSql = "SELECT id FROM answers WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?";

const leastUsedSql = "SELECT id FROM answers ORDER BY used_at_ms LIMIT ?";

const deleteSqls = [
  "DELETE FROM bodies WHERE id = ?",
  "DELETE FROM tags WHERE id = ?",
  "DELETE FROM answers WHERE id = ?",
];

function purgeQuery(what: Purge): { readonly sql: string; readonly params: readonly SqlValue[] } {
  const conditions = ["tenant_id = ?"];
  const params: SqlValue[] = [what.tenantId];
  if (what.model !== undefined) {
    conditions.push("model = ?");
    params.push(what.model);
  }
  if (what.requestId !== undefined) {
    conditions.push("request_id = ?");
    params.push(what.requestId);
  }
  if (what.tag !== undefined) {
    conditions.push("id IN (SELECT id FROM tags WHERE tenant_id = ? AND name = ? AND value = ?)");
    params.push(what.tenantId, what.tag.name, what.tag.value);
  }
  const where = conditions.join(" AND ");
  const sql = `SELECT id, expires_at_ms FROM answers WHERE ${where} AND id <= ? LIMIT ?`;
  return { sql, params };
}
