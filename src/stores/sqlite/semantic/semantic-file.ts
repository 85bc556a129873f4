import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import type { PolicyPlace, Tally } from "../../../pipeline/cache/semantic-store.ts";
import { DatabaseFile } from "../cache/database-file.ts";
import type { KeptFile } from "../cache/file-keeper.ts";
import type { Connection } from "../connection.ts";
import type { SqlRow, SqlValue } from "../protocol.ts";
import type {
  EntryRow,
  SemanticFileSettings,
  ShardPlace,
  ShardRows,
  WantedAnswer,
} from "./protocol.ts";
import { schema, schemaVersion } from "./schema.ts";

/** So many are deleted at a time to make room, and to be rid of what is over. */
const evictedAtOnce = 64;
const expiredAtOnce = 200;
/** What was learnt of a tenant that has not asked for so long is forgotten. */
const policyKeptMs = 90 * 86_400_000;
/** Of the file's bound: beyond it the policies go that were saved longest ago. */
const policyShareMax = 0.25;

export interface PurgedSome {
  /** How many of them were not over. */
  readonly alive: number;
  /** Behind which to go on; undefined: those were all. */
  readonly last: number | undefined;
}

/** The file of the semantic tier, and what is done with it, on the thread that owns it. */
export class SemanticFile implements KeptFile {
  readonly #settings: SemanticFileSettings;
  readonly #file: DatabaseFile;
  readonly #connection: Connection;

  constructor(settings: SemanticFileSettings) {
    this.#settings = settings;
    this.#file = DatabaseFile.open(settings, { schema, version: schemaVersion });
    this.#connection = this.#file.connection;
  }

  get isGone(): boolean {
    return this.#file.isGone;
  }

  /** All or none. Makes room for them, and is rid of some that are over. */
  put(rows: Iterable<EntryRow>, nowMs: number): void {
    this.#connection.atomically(() => {
      for (const row of rows) this.#insert(row, nowMs);
      this.#forget(this.#rows(expiredSql, [nowMs, expiredAtOnce]));
      if (this.#file.isOverBound) this.#evict();
    });
    this.#file.shrink();
  }

  makeRoom(): void {
    this.#connection.atomically(() => {
      this.#evict();
    });
  }

  load({ tenantId, shard }: ShardPlace, entriesMax: number, nowMs: number): ShardRows {
    const rows = this.#rows(loadSql, [tenantId, shard, nowMs, entriesMax]);
    const entries: { readonly id: string; readonly bytes: Uint8Array }[] = [];
    const tallies = new Map<string, Tally>();
    for (const row of rows.toReversed()) {
      const { entry_id: id, bytes, confirmations, refutations } = row;
      if (bytes instanceof Uint8Array) entries.push({ id: String(id), bytes });
      const counts = { confirmations: Number(confirmations), refutations: Number(refutations) };
      const answerId = String(row["answer_id"]);
      if (counts.confirmations + counts.refutations > 0) {
        tallies.set(answerId, { answerId, ...counts });
      }
    }
    return { entries, tallies: [...tallies.values()] };
  }

  answerOf(wanted: WantedAnswer, nowMs: number): Uint8Array | undefined {
    const { tenantId, entryId, answerId } = wanted;
    const [row] = this.#rows(answerSql, [tenantId, entryId, nowMs, answerId, nowMs]);
    const bytes = row?.["bytes"];
    return bytes instanceof Uint8Array ? bytes : undefined;
  }

  /** Nothing happens to an answer that is gone. */
  tally(
    { tenantId, shard, answerId }: ShardPlace & { readonly answerId: string },
    isRight: boolean,
  ): void {
    const column = isRight ? "confirmations" : "refutations";
    const sql = `UPDATE answers SET ${column} = ${column} + 1 WHERE tenant_id = ? AND answer_id = ? AND shard = ?`;
    this.#connection.run({ sql, params: [tenantId, answerId, shard] });
  }

  /** The newest entry there is: what a purge is about was there before it. */
  get lastRowId(): number {
    return Number(this.#connection.value("SELECT coalesce(max(id), 0) FROM entries"));
  }

  /** Deletes up to `limit` of the entries behind `from` until `to`. What is deleted is overwritten. */
  purge(
    what: Purge,
    range: { readonly from: number; readonly to: number; readonly limit: number },
    nowMs: number,
  ): PurgedSome {
    const { sql, params } = purgeQuery(what);
    return this.#file.deleteSecurely(() => {
      const found = this.#rows(sql, [...params, range.from, range.to, range.limit]);
      this.#forget(found);
      const alive = found.filter((row) => Number(row["expires_at_ms"]) > nowMs).length;
      const last = found.length < range.limit ? undefined : Number(found.at(-1)?.["id"]);
      return { alive, last };
    });
  }

  emptyLog(): void {
    this.#file.emptyLog();
  }

  /** An answer and all entries that have it. */
  drop({ tenantId, answerId }: WantedAnswer): void {
    this.#connection.atomically(() => {
      this.#forget(this.#rows(ofAnswerSql, [tenantId, answerId]));
    });
  }

  policy({ tenantId, embedderId }: PolicyPlace, nowMs: number): string | undefined {
    const sql =
      "SELECT json FROM policies WHERE tenant_id = ? AND embedder_id = ? AND saved_at_ms > ?";
    const json = this.#rows(sql, [tenantId, embedderId, nowMs - policyKeptMs])[0]?.["json"];
    return typeof json === "string" ? json : undefined;
  }

  savePolicy({ tenantId, embedderId }: PolicyPlace, json: string, nowMs: number): void {
    const connection = this.#connection;
    connection.atomically(() => {
      connection.run({ sql: savePolicySql, params: [tenantId, embedderId, json, nowMs] });
      const params = [nowMs - policyKeptMs];
      connection.run({ sql: "DELETE FROM policies WHERE saved_at_ms <= ?", params });
      const bytesMax = this.#settings.bytesMax * policyShareMax;
      while (Number(connection.value("SELECT sum(length(json)) FROM policies")) > bytesMax) {
        if (this.#dropPolicy() === 0) return;
      }
    });
  }

  close(): void {
    this.#file.close();
  }

  #insert(row: EntryRow, nowMs: number): void {
    const { tenantId, entryId, shard, expiresAtMs, bytes } = row;
    const [known] = this.#rows(knownAnswerSql, [tenantId, row.answerId]);
    if (known !== undefined && known["shard"] !== shard) return;
    // One that is over while it waited has no entry either, with which it would go.
    const answerMs = Number(known?.["expires_at_ms"] ?? row.answer?.expiresAtMs ?? 0);
    if (answerMs <= nowMs) return;
    const answer = known === undefined ? this.#insertAnswer(row) : Number(known["id"]);
    if (answer === undefined) return;
    // None outlives its answer.
    const untilMs = Math.min(expiresAtMs, answerMs);
    const params = [tenantId, entryId, shard, answer, untilMs, bytes];
    this.#connection.run({ sql: insertEntrySql, params });
    if (row.replaced !== undefined && row.replaced !== entryId) {
      this.#forget(this.#rows(replacedSql, [tenantId, row.replaced, shard]));
    }
    this.#forget(this.#rows(beyondSql, [tenantId, shard, this.#settings.shardEntriesMax]));
  }

  #insertAnswer({ tenantId, answerId, shard, answer }: EntryRow): number | undefined {
    if (answer === undefined) return undefined;
    const connection = this.#connection;
    const params = [tenantId, answerId, shard, answer.model, answer.expiresAtMs];
    const id = Number(this.#rows(insertAnswerSql, params)[0]?.["id"]);
    connection.run({
      sql: "INSERT INTO bodies (id, bytes) VALUES (?, ?)",
      params: [id, answer.bytes],
    });
    for (const [name, value] of Object.entries(answer.tags)) {
      connection.run({
        sql: "INSERT INTO tags (tenant_id, name, value, id) VALUES (?, ?, ?, ?)",
        params: [tenantId, name, value, id],
      });
    }
    return id;
  }

  /** The oldest go; where there are none, what was learnt longest ago. */
  #evict(): void {
    this.#file.makeRoom(() => {
      const count = this.#forget(this.#rows(oldestSql, [evictedAtOnce]));
      return count === 0 ? this.#dropPolicy() : count;
    });
  }

  /** Entries, and answers that no entry has any more. Gives how many entries there were. */
  #forget(rows: readonly SqlRow[]): number {
    for (const { id } of rows) {
      this.#connection.run({ sql: "DELETE FROM entries WHERE id = ?", params: [Number(id)] });
    }
    for (const answer of new Set(rows.map((row) => Number(row["answer"])))) {
      if (this.#rows("SELECT 1 FROM entries WHERE answer = ? LIMIT 1", [answer]).length > 0)
        continue;
      for (const sql of deleteAnswerSqls) this.#connection.run({ sql, params: [answer] });
    }
    return rows.length;
  }

  #dropPolicy(): number {
    return this.#connection.run({ sql: dropPolicySql });
  }

  #rows(sql: string, params: readonly SqlValue[]): SqlRow[] {
    return this.#connection.all({ sql, params });
  }
}

const knownAnswerSql =
  "SELECT id, shard, expires_at_ms FROM answers WHERE tenant_id = ? AND answer_id = ?";

const insertAnswerSql = `
  INSERT INTO answers (tenant_id, answer_id, shard, model, expires_at_ms)
  VALUES (?, ?, ?, ?, ?) RETURNING id`;

const insertEntrySql = `
  INSERT INTO entries (tenant_id, entry_id, shard, answer, expires_at_ms, bytes)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, entry_id) DO NOTHING`;

const loadSql = `
  SELECT e.entry_id, e.bytes, a.answer_id, a.confirmations, a.refutations
  FROM entries e JOIN answers a ON a.id = e.answer
  WHERE e.tenant_id = ? AND e.shard = ? AND e.expires_at_ms > ? ORDER BY e.id DESC LIMIT ?`;

const answerSql = `
  SELECT b.bytes FROM entries e JOIN answers a ON a.id = e.answer JOIN bodies b ON b.id = a.id
  WHERE e.tenant_id = ? AND e.entry_id = ? AND e.expires_at_ms > ? AND a.answer_id = ?
    AND a.tenant_id = e.tenant_id AND a.expires_at_ms > ?`;

const ofAnswerSql = `
  SELECT e.id, e.answer FROM answers a JOIN entries e ON e.answer = a.id
  WHERE a.tenant_id = ? AND a.answer_id = ?`;

const replacedSql =
  "SELECT id, answer FROM entries WHERE tenant_id = ? AND entry_id = ? AND shard = ?";

const expiredSql =
  "SELECT id, answer FROM entries WHERE expires_at_ms <= ? ORDER BY expires_at_ms LIMIT ?";

const oldestSql = "SELECT id, answer FROM entries ORDER BY id LIMIT ?";

const beyondSql = `
  SELECT id, answer FROM entries WHERE tenant_id = ? AND shard = ? ORDER BY id DESC LIMIT -1 OFFSET ?`;

const savePolicySql = `
  INSERT INTO policies (tenant_id, embedder_id, json, saved_at_ms) VALUES (?, ?, ?, ?)
  ON CONFLICT DO UPDATE SET json = excluded.json, saved_at_ms = excluded.saved_at_ms`;

const dropPolicySql = `
  DELETE FROM policies WHERE (tenant_id, embedder_id) IN
    (SELECT tenant_id, embedder_id FROM policies ORDER BY saved_at_ms LIMIT 1)`;

const deleteAnswerSqls = [
  "DELETE FROM bodies WHERE id = ?",
  "DELETE FROM tags WHERE id = ?",
  "DELETE FROM answers WHERE id = ?",
];

/** Aliases have their answer's model and tags; by a request is found what it asked, and who else has its answer. */
function purgeQuery({ tenantId, model, requestId, tag }: Purge): {
  readonly sql: string;
  readonly params: readonly SqlValue[];
} {
  const conditions = ["e.tenant_id = ?"];
  const params: SqlValue[] = [tenantId];
  if (model !== undefined) {
    conditions.push("a.model = ?");
    params.push(model);
  }
  if (requestId !== undefined) {
    conditions.push(`e.id IN (
      SELECT id FROM entries WHERE tenant_id = ? AND entry_id = ?
      UNION SELECT o.id FROM answers n JOIN entries o ON o.answer = n.id
        WHERE n.tenant_id = ? AND n.answer_id = ?)`);
    params.push(tenantId, requestId, tenantId, requestId);
  }
  if (tag !== undefined) {
    conditions.push("a.id IN (SELECT id FROM tags WHERE tenant_id = ? AND name = ? AND value = ?)");
    params.push(tenantId, tag.name, tag.value);
  }
  const sql = `
    SELECT e.id, e.answer, e.expires_at_ms FROM entries e JOIN answers a ON a.id = e.answer
    WHERE ${conditions.join(" AND ")} AND e.id > ? AND e.id <= ? ORDER BY e.id LIMIT ?`;
  return { sql, params };
}
