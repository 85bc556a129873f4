import type { Clock } from "../../../lib/clock.ts";
import type { Purge, StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import type { SemanticPolicySnapshot } from "../../../pipeline/cache/semantic-policy.ts";
import type {
  PolicyPlace,
  SemanticChange,
  SemanticEntry,
  SemanticStore,
  Shard,
} from "../../../pipeline/cache/semantic-store.ts";
import { decodeAnswer, deflateAnswer, encodeAnswer } from "../../answers/answer-codec.ts";
import { decodeEntry, encodeEntry } from "../../answers/entry-codec.ts";
import { isWelcome } from "../../answers/is-welcome.ts";
import { aliasOf, PurgeTimes } from "../../answers/purge-times.ts";
import { purgeField, requestPart } from "../cache/keys.ts";
import { parseJson } from "../cache/purge-feed.ts";
import { ServerRoom } from "../cache/server-room.ts";
import type { RedisConnection } from "../open.ts";
import { answerMsMax, RedisUnavailable, RequestGate } from "../request-gate.ts";
import { readScript } from "../script.ts";
import { ChangeFeed } from "./change-feed.ts";
import { deleteEntries } from "./delete-entries.ts";
import { namesOf, semanticKeys, untilDigits } from "./keys.ts";
import { putScript, sendEntry } from "./put-entry.ts";
import { readShard } from "./read-shard.ts";

const lua = (name: string): URL => new URL(name, import.meta.url);
const tallyScript = readScript(lua("tally-answer.lua"));
const notePurgeScript = readScript(lua("../cache/note-purge.lua"));

export interface RedisSemanticStoreOptions {
  /** Opened for `requests`, and for the cache alone: only `answerOf` uses it. Its owner closes it. */
  readonly redis: RedisConnection;
  /** Opened for `reports` or `books`: everything else, which is large or may take a while. Its owner closes it. */
  readonly background: RedisConnection;
  readonly clock: Clock;
  /** All entries and answers of one tenant weigh no more: those that are over next are forgotten for a new one. */
  readonly tenantBytesMax: number;
  /** At the bound the oldest entry of the shard is forgotten. */
  readonly shardEntriesMax?: number;
  /** A larger answer is not kept, nor its entry. */
  readonly answerBytesMax?: number;
  /** Nor an entry whose prompt and vector are larger. */
  readonly entryBytesMax?: number;
  /** Of a server's memory, where that is bounded: when more is used nothing is put. */
  readonly serverShareMax?: number;
  /** So long `answerOf` waits for Redis. */
  readonly answerMs?: number;
  /** About so many changes are kept: who was away for longer is told that it missed some. */
  readonly changesMax?: number;
  /** Told when Redis is not asked any more, and when it is again (`undefined`). */
  readonly onChange?: (problem: string | undefined) => void;
}

const defaults = {
  shardEntriesMax: 2_000,
  answerBytesMax: 1024 * 1024,
  entryBytesMax: 64 * 1024,
  serverShareMax: 0.75,
};
/** At the bound a put is rejected at once: Redis does not keep up. */
const waitingBytesMax = 16 * 1024 * 1024;
/** No request runs for so long: an older purge cannot meet one that began before it. */
const purgeKeptMs = 86_400_000;
const purgeFieldsMax = 200;
/** What was learnt of a tenant that has not asked for so long is forgotten. */
const policyKeptMs = 90 * 86_400_000;
const policyBytesMax = 1024 * 1024;
/** So many ids of a purge are told by one change. */
const idsAtOnce = 500;

/**
 * The semantic tier that replicas share. `answerOf` is two reads in one round trip that is not waited for longer than
 * 50 ms, and after three that failed Redis is not asked until it is back. A purge is noted first, in Redis and by every
 * replica, and then deletes: what a replica has not heard of, `answerOf` does not find. Of two policies that replicas
 * save, the later stays.
 */
export function openRedisSemanticStore(options: RedisSemanticStoreOptions): SemanticStore {
  return new SemanticStoreInRedis(options);
}

class SemanticStoreInRedis implements SemanticStore {
  readonly #options: RedisSemanticStoreOptions & typeof defaults;
  readonly #gate: RequestGate;
  readonly #room: ServerRoom;
  readonly #feed: ChangeFeed;
  readonly #purges = new PurgeTimes();
  readonly #listeners = new Set<(change: SemanticChange) => void>();
  #waitingBytes = 0;

  constructor(given: RedisSemanticStoreOptions) {
    const { redis, background, clock, tenantBytesMax, onChange } = given;
    const options = { ...defaults, ...given };
    const mostBytes = tenantBytesMax / 4;
    this.#options = {
      ...options,
      answerBytesMax: Math.min(options.answerBytesMax, mostBytes),
      entryBytesMax: Math.min(options.entryBytesMax, mostBytes),
    };
    background.preload([putScript, tallyScript]);
    this.#gate = new RequestGate({
      redis,
      answerMs: options.answerMs ?? answerMsMax,
      onChange: onChange ?? (() => undefined),
    });
    this.#room = new ServerRoom(background, options.serverShareMax);
    this.#feed = new ChangeFeed({
      redis: background,
      clock,
      ...(options.changesMax === undefined ? {} : { entriesMax: options.changesMax }),
      load: (tenantId, id) => this.#entry(tenantId, id),
      onPurge: (what, atEpochMs) => {
        this.#purges.note(what, atEpochMs);
      },
      onChange: (change) => {
        for (const listener of this.#listeners) listener(change);
      },
    });
  }

  async loadShard(
    where: { readonly tenantId: string; readonly shard: string },
    entriesMax: number,
  ): Promise<Shard> {
    this.#mustAnswer(semanticKeys(where.tenantId).index);
    const { background, clock } = this.#options;
    return readShard(background, where, { entriesMax, nowEpochMs: clock.epochMs() });
  }

  async put(
    entry: SemanticEntry,
    answer: StoredAnswer | undefined,
    replaced?: string,
  ): Promise<void> {
    const { background, clock, tenantBytesMax, shardEntriesMax } = this.#options;
    const { answerBytesMax, entryBytesMax } = this.#options;
    const nowMs = clock.epochMs();
    if (!isWelcome(entry, answer, { purges: this.#purges, nowEpochMs: nowMs })) return;
    const entryBytes = encodeEntry(entry);
    const whole = answer === undefined ? nothing : encodeAnswer(entry.answerId, answer);
    if (entryBytes.length > entryBytesMax || whole.length > answerBytesMax) return;
    const answerBytes = deflateAnswer(whole);
    const bytes = entryBytes.length + answerBytes.length;
    this.#mustHaveRoom(semanticKeys(entry.tenantId).index, bytes);
    this.#waitingBytes += bytes;
    let isAdded: boolean;
    try {
      isAdded = await sendEntry(
        { entry, answer, replaced, entryBytes, answerBytes },
        { background, nowMs, tenantBytesMax, shardEntriesMax },
      );
    } finally {
      this.#waitingBytes -= bytes;
    }
    // One that others do not hear of is found when they load the shard.
    if (isAdded) await this.#tell({ kind: "added", tenantId: entry.tenantId, id: entry.id });
  }

  async answerOf({
    id,
    tenantId,
    answerId,
  }: Pick<SemanticEntry, "id" | "tenantId" | "answerId">): Promise<StoredAnswer | undefined> {
    const { redis, clock } = this.#options;
    const keys = semanticKeys(tenantId);
    const [entryName, answerName] = [keys.entry(id), keys.answer(answerId)];
    const names = namesOf(id, answerId);
    const [head, value] = await this.#gate.call({
      node: redis.nodeOf(answerName),
      probeKey: keys.probe,
      send: () =>
        Promise.all([
          redis.client.getrange(entryName, 0, untilDigits + names.length - 1),
          redis.client.getBuffer(answerName),
        ]),
      onLate: () => undefined,
    });
    const nowMs = clock.epochMs();
    if (value === null || head.slice(untilDigits) !== names) return undefined;
    if (Number(head.slice(0, untilDigits)) <= nowMs) return undefined;
    const bytes = value.subarray(value.indexOf("\n") + 1);
    const answer = decodeAnswer(bytes, { tenantId, key: answerId });
    if (answer === undefined || answer.expiresAtEpochMs <= nowMs) return undefined;
    const isHidden =
      this.#purges.hides(answer) || this.#purges.hides(aliasOf({ id, tenantId }, answer));
    return isHidden ? undefined : answer;
  }

  async tally(
    where: { readonly tenantId: string; readonly shard: string; readonly answerId: string },
    isRight: boolean,
  ): Promise<void> {
    const { tenantId, shard, answerId } = where;
    const keys = semanticKeys(tenantId);
    this.#mustAnswer(keys.index);
    const counts = (await this.#options.background.run(
      tallyScript,
      [keys.answer(answerId), keys.tallies(shard), keys.entries(shard)],
      [requestPart(answerId), isRight ? "c" : "r"],
    )) as readonly number[];
    const [confirmations, refutations] = counts;
    if (confirmations === undefined || refutations === undefined) return;
    await this.#tell({
      kind: "tallied",
      tenantId,
      shard,
      tally: { answerId, confirmations, refutations },
    });
  }

  async purge(what: Purge): Promise<number> {
    const { background, clock } = this.#options;
    const { tenantId } = what;
    const atEpochMs = clock.epochMs();
    this.#purges.note(what, atEpochMs);
    const noted = [purgeField(what), atEpochMs, purgeFieldsMax, purgeKeptMs];
    await background.run(notePurgeScript, [semanticKeys(tenantId).purges], noted);
    await this.#feed.tell({ kind: "purged", what, atEpochMs });
    let count = 0;
    for await (const ids of deleteEntries(background, what)) {
      count += ids.length;
      for (let from = 0; from < ids.length; from += idsAtOnce) {
        const entryIds = ids.slice(from, from + idsAtOnce);
        await this.#feed.tell({ kind: "removed", tenantId, entryIds });
      }
    }
    await this.#feed.heard();
    return count;
  }

  async loadPolicy({ tenantId, embedderId }: PolicyPlace): Promise<unknown> {
    const { client } = this.#options.background;
    const text = await client.get(semanticKeys(tenantId).policy(embedderId));
    return text === null ? undefined : parseJson(text);
  }

  async savePolicy(
    { tenantId, embedderId }: PolicyPlace,
    snapshot: SemanticPolicySnapshot,
  ): Promise<void> {
    const text = JSON.stringify(snapshot);
    if (text.length > policyBytesMax) throw new Error("What the policy has learnt is too large.");
    const name = semanticKeys(tenantId).policy(embedderId);
    this.#mustHaveRoom(name, 0);
    await this.#options.background.client.set(name, text, "PX", policyKeptMs);
  }

  watch(listener: (change: SemanticChange) => void): AsyncDisposable {
    // A function of its own, so that one that watches twice is told twice.
    const own = (change: SemanticChange): void => {
      listener(change);
    };
    this.#listeners.add(own);
    return {
      [Symbol.asyncDispose]: () => {
        this.#listeners.delete(own);
        return Promise.resolve();
      },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate[Symbol.dispose]();
    this.#room[Symbol.dispose]();
    await this.#feed[Symbol.asyncDispose]();
    this.#listeners.clear();
  }

  async #entry(tenantId: string, id: string): Promise<SemanticEntry | undefined> {
    const { background, clock } = this.#options;
    const value = await background.client.getBuffer(semanticKeys(tenantId).entry(id));
    if (value === null) return undefined;
    const entry = decodeEntry(value.subarray(value.indexOf("\n") + 1), { tenantId, id });
    return entry === undefined || entry.expiresAtEpochMs <= clock.epochMs() ? undefined : entry;
  }

  /** A change that is not told is harmless: `answerOf` looks for itself, and a shard that is loaded has it. */
  async #tell(word: Parameters<ChangeFeed["tell"]>[0]): Promise<void> {
    await this.#feed.tell(word).catch(() => undefined);
  }

  #mustAnswer(name: string): void {
    if (this.#gate.isOpen(this.#options.redis.nodeOf(name))) {
      throw new RedisUnavailable("Redis does not answer.");
    }
  }

  #mustHaveRoom(name: string, bytes: number): void {
    this.#mustAnswer(name);
    if (this.#room.isFull(this.#options.background.nodeOf(name))) {
      throw new Error("Redis has no room for the cache.");
    }
    if (this.#waitingBytes + bytes > waitingBytesMax) {
      throw new Error("Too much waits for Redis already.");
    }
  }
}

const nothing = new Uint8Array();
