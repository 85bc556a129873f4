import { extname } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";

import type { Clock } from "../../../lib/clock.ts";
import type { Purge, StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import type { SemanticPolicySnapshot } from "../../../pipeline/cache/semantic-policy.ts";
import type {
  PolicyPlace,
  SemanticEntry,
  SemanticStore,
  Shard,
} from "../../../pipeline/cache/semantic-store.ts";
import { decodeAnswer, encodeAnswer } from "../../answers/answer-codec.ts";
import { decodeEntry, encodeEntry } from "../../answers/entry-codec.ts";
import { isWelcome } from "../../answers/is-welcome.ts";
import { aliasOf, PurgeTimes } from "../../answers/purge-times.ts";
import { ThreadCalls } from "../cache/thread-calls.ts";
import type {
  AnswerRow,
  DropAnswer,
  SemanticCall,
  SemanticFileSettings,
  ShardRows,
} from "./protocol.ts";

export interface SqliteSemanticStoreOptions {
  /** `semantic.db` in the data folder; a file of its own, made where it is not there. */
  readonly path: string;
  /** The file has no more. Beside it SQLite has up to 8 MB. At the bound the oldest entries go. */
  readonly bytesMax: number;
  /** At the bound the oldest entry of the shard goes. */
  readonly shardEntriesMax?: number;
  /** A larger answer is not kept, nor its entry. */
  readonly answerBytesMax?: number;
  /** Nor an entry whose prompt and vector are larger. */
  readonly entryBytesMax?: number;
  readonly clock: Clock;
  /** So long `answerOf` waits for the thread. */
  readonly answerMs?: number;
}

const shardEntriesMaxDefault = 2_000;
const answerBytesMaxDefault = 1024 * 1024;
const entryBytesMaxDefault = 64 * 1024;
const policyBytesMax = 1024 * 1024;
/** So many entries are read in one turn of the event loop, which takes a millisecond. */
const readAtOnce = 100;

/**
 * The semantic tier in a SQLite file of its own, whose connection lives in a thread of its own: a purge or a large shard
 * keeps no exact look-up waiting. It is no harm to lose the file: what is damaged is a miss, and where there can be no
 * file every call is rejected at once. `answerOf` is rejected when it is not answered in time, and so are others until
 * the thread answers again. `put` resolves when it is written. There is one process, so there is nothing to watch.
 */
export function openSqliteSemanticStore(options: SqliteSemanticStoreOptions): SemanticStore {
  return new SqliteSemanticStore(options);
}

class SqliteSemanticStore implements SemanticStore {
  readonly #answerBytesMax: number;
  readonly #entryBytesMax: number;
  readonly #clock: Clock;
  readonly #purges = new PurgeTimes();
  readonly #thread: ThreadCalls<SemanticCall, DropAnswer>;

  constructor(options: SqliteSemanticStoreOptions) {
    const { path, bytesMax, clock, answerMs } = options;
    const { shardEntriesMax = shardEntriesMaxDefault } = options;
    this.#clock = clock;
    const mostBytes = bytesMax / 16;
    this.#answerBytesMax = Math.min(options.answerBytesMax ?? answerBytesMaxDefault, mostBytes);
    this.#entryBytesMax = Math.min(options.entryBytesMax ?? entryBytesMaxDefault, mostBytes);
    this.#thread = new ThreadCalls({
      // The extension is this file's own: `.ts` as it is developed, `.js` as it is published.
      url: new URL(`semantic-thread${extname(import.meta.url)}`, import.meta.url),
      name: "semantic",
      settings: { path, bytesMax, shardEntriesMax } satisfies SemanticFileSettings,
      clock,
      ...(answerMs === undefined ? {} : { answerMs }),
    });
  }

  async loadShard(
    where: { readonly tenantId: string; readonly shard: string },
    entriesMax: number,
  ): Promise<Shard> {
    const { tenantId, shard } = where;
    const nowMs = this.#clock.epochMs();
    const found = (await this.#thread.call({
      kind: "load",
      where: { tenantId, shard },
      entriesMax,
      nowMs,
    })) as ShardRows;
    const entries: SemanticEntry[] = [];
    for (const [at, { id, bytes }] of found.entries.entries()) {
      if (at % readAtOnce === readAtOnce - 1) await nextTurn();
      const entry = decodeEntry(bytes, { tenantId, id });
      if (entry?.shard === shard && !this.#isHidden(entry)) entries.push(entry);
    }
    return { entries, tallies: found.tallies };
  }

  async put(
    entry: SemanticEntry,
    answer: StoredAnswer | undefined,
    replaced?: string,
  ): Promise<void> {
    const nowMs = this.#clock.epochMs();
    if (!isWelcome(entry, answer, { purges: this.#purges, nowEpochMs: nowMs })) return;
    const { id: entryId, tenantId, shard, answerId, expiresAtEpochMs: expiresAtMs } = entry;
    const bytes = encodeEntry(entry);
    const kept = answer === undefined ? undefined : answerRow(answer);
    if (bytes.length > this.#entryBytesMax) return;
    if (kept !== undefined && kept.bytes.length > this.#answerBytesMax) return;
    const row = { tenantId, entryId, shard, answerId, expiresAtMs, bytes, answer: kept, replaced };
    const moved = kept === undefined ? [bytes] : [bytes, kept.bytes];
    await this.#thread.call({ kind: "put", row, nowMs }, moved);
  }

  async answerOf({
    id,
    tenantId,
    answerId,
  }: Pick<SemanticEntry, "id" | "tenantId" | "answerId">): Promise<StoredAnswer | undefined> {
    const wanted = { tenantId, entryId: id, answerId };
    const nowMs = this.#clock.epochMs();
    const bytes = (await this.#thread.callInTime({ kind: "answer", wanted, nowMs })) as
      Uint8Array | undefined;
    if (bytes === undefined) return undefined;
    const answer = decodeAnswer(bytes, { tenantId, key: answerId });
    if (answer === undefined) {
      this.#thread.tell({ kind: "drop", wanted });
      return undefined;
    }
    if (answer.expiresAtEpochMs <= this.#clock.epochMs()) return undefined;
    const isHidden =
      this.#purges.hides(answer) || this.#purges.hides(aliasOf({ id, tenantId }, answer));
    return isHidden ? undefined : answer;
  }

  async tally(
    where: { readonly tenantId: string; readonly shard: string; readonly answerId: string },
    isRight: boolean,
  ): Promise<void> {
    const { tenantId, shard, answerId } = where;
    const nowMs = this.#clock.epochMs();
    const place = { tenantId, shard, answerId };
    await this.#thread.call({ kind: "tally", where: place, isRight, nowMs });
  }

  async purge(what: Purge): Promise<number> {
    const nowMs = this.#clock.epochMs();
    this.#purges.note(what, nowMs);
    return (await this.#thread.call({ kind: "purge", what, nowMs })) as number;
  }

  async loadPolicy({ tenantId, embedderId }: PolicyPlace): Promise<unknown> {
    const nowMs = this.#clock.epochMs();
    const where = { tenantId, embedderId };
    const json = (await this.#thread.call({ kind: "policy", where, nowMs })) as string | undefined;
    return json === undefined ? undefined : parse(json);
  }

  async savePolicy(
    { tenantId, embedderId }: PolicyPlace,
    snapshot: SemanticPolicySnapshot,
  ): Promise<void> {
    const json = JSON.stringify(snapshot);
    if (json.length > policyBytesMax) throw new Error("What the policy has learnt is too large.");
    const nowMs = this.#clock.epochMs();
    await this.#thread.call({ kind: "save", where: { tenantId, embedderId }, json, nowMs });
  }

  watch(): AsyncDisposable {
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread[Symbol.asyncDispose]();
  }

  /** Purged while it was on its way here. Of what only its answer is found by, `answerOf` knows. */
  #isHidden(entry: SemanticEntry): boolean {
    return this.#purges.hides(aliasOf(entry, undefined));
  }
}

function answerRow(answer: StoredAnswer): AnswerRow {
  const { model, tags, requestId, expiresAtEpochMs: expiresAtMs } = answer;
  return { model, tags, expiresAtMs, bytes: encodeAnswer(requestId, answer) };
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined; // Somebody else wrote it: nothing was learnt.
  }
}
