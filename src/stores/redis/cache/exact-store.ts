import type { Clock } from "../../../lib/clock.ts";
import type { ExactStore, Purge, StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import { decodeAnswer, deflateAnswer, encodeAnswer } from "../../answers/answer-codec.ts";
import { begunEpochMs, PurgeTimes } from "../../answers/purge-times.ts";
import type { RedisConnection } from "../open.ts";
import { answerMsMax, RedisUnavailable, RequestGate } from "../request-gate.ts";
import { readScript } from "../script.ts";
import {
  cacheKeys,
  hourEndMs,
  hourOf,
  memberOf,
  purgeField,
  purgeFields,
  purgeNeedles,
  requestPart,
} from "./keys.ts";
import { PurgeFeed } from "./purge-feed.ts";
import { ServerRoom } from "./server-room.ts";

const lua = (name: string): URL => new URL(name, import.meta.url);
const putScript = readScript(lua("put-answer.lua"));
const notePurgeScript = readScript(lua("note-purge.lua"));
const purgeScript = readScript(lua("purge-answers.lua"));

export interface RedisExactStoreOptions {
  /** Opened for `requests`, and for the cache alone: its answers are large. Its owner closes it. */
  readonly redis: RedisConnection;
  readonly clock: Clock;
  /** All answers of one tenant weigh no more: those that are over next are forgotten for a new one. */
  readonly tenantBytesMax: number;
  /** A larger answer is not kept. */
  readonly answerBytesMax?: number;
  /** Of a server's memory, where that is bounded: when more is used nothing is put. */
  readonly serverShareMax?: number;
  /** So long a look-up waits for Redis. */
  readonly answerMs?: number;
  /** Another replica purged: what this one has in memory of it must go. */
  readonly onPurge?: (what: Purge, atEpochMs: number) => void;
  /** Purges may have been missed: all that this one has in memory must go. */
  readonly onMissed?: () => void;
  /** Told when Redis is not asked any more, and when it is again (`undefined`). */
  readonly onChange?: (problem: string | undefined) => void;
}

/** The exact tier that replicas share. */
export interface RedisExactStore extends ExactStore {
  /** Whether all purges until a second ago are known here: otherwise nothing may be served from memory. */
  readonly isFresh: boolean;
}

const answerBytesMaxDefault = 1024 * 1024;
const serverShareMaxDefault = 0.75;
/** At the bound a put is rejected at once: Redis does not keep up. */
const waitingBytesMax = 16 * 1024 * 1024;
/** What an answer weighs in Redis beside its bytes: its key twice, a member of an index, their objects. */
const overheadBytes = 500;
/** None is kept for longer, whatever its answer says: so many hours a tenant's answers are spread over at most. */
const keptMsMax = 30 * 86_400_000;
/** No request runs for so long: an older purge cannot meet one that began before it. */
const purgeKeptMs = 86_400_000;
const purgeFieldsMax = 200;
/** A call of a purge looks at so many answers, which takes Redis 2 ms. */
const purgedAtOnce = 500;

/**
 * The exact tier in Redis. A look-up is one GET that is not waited for longer than 50 ms, and after three that failed
 * Redis is not asked until it is back. A purge is noted first, in Redis and by every replica, and then deletes.
 */
export function openRedisExactStore(options: RedisExactStoreOptions): RedisExactStore {
  return new ExactStoreInRedis(options);
}

class ExactStoreInRedis implements RedisExactStore {
  readonly #redis: RedisConnection;
  readonly #clock: Clock;
  readonly #tenantBytesMax: number;
  readonly #answerBytesMax: number;
  readonly #gate: RequestGate;
  readonly #feed: PurgeFeed;
  readonly #room: ServerRoom;
  readonly #purges = new PurgeTimes();
  #waitingBytes = 0;

  constructor(options: RedisExactStoreOptions) {
    const { redis, clock, tenantBytesMax, answerMs = answerMsMax, onChange } = options;
    this.#redis = redis;
    this.#clock = clock;
    this.#tenantBytesMax = tenantBytesMax;
    const answerBytesMax = options.answerBytesMax ?? answerBytesMaxDefault;
    this.#answerBytesMax = Math.min(answerBytesMax, tenantBytesMax / 4);
    redis.preload([putScript]);
    this.#gate = new RequestGate({ redis, answerMs, onChange: onChange ?? (() => undefined) });
    this.#room = new ServerRoom(redis, options.serverShareMax ?? serverShareMaxDefault);
    this.#feed = new PurgeFeed({
      redis,
      clock,
      onPurge: (what, atEpochMs) => {
        this.#purges.note(what, atEpochMs);
        options.onPurge?.(what, atEpochMs);
      },
      onMissed: () => options.onMissed?.(),
    });
  }

  get isFresh(): boolean {
    return this.#feed.isFresh;
  }

  async get(tenantId: string, key: string): Promise<StoredAnswer | undefined> {
    const keys = cacheKeys(tenantId);
    const name = keys.answer(key);
    const value = await this.#gate.call({
      node: this.#redis.nodeOf(name),
      probeKey: keys.probe,
      send: () => this.#redis.client.getBuffer(name),
      onLate: () => undefined,
    });
    if (value === null) return undefined;
    const answer = decodeAnswer(value.subarray(value.indexOf("\n") + 1), { tenantId, key });
    // A damaged one is over soon, or replaced by the answer to this miss.
    if (answer === undefined || answer.expiresAtEpochMs <= this.#clock.epochMs()) return undefined;
    return this.#purges.hides(answer) ? undefined : answer;
  }

  async put(key: string, answer: StoredAnswer): Promise<void> {
    const nowMs = this.#clock.epochMs();
    if (answer.expiresAtEpochMs <= nowMs || this.#purges.refuses(answer)) return;
    const whole = encodeAnswer(key, answer);
    if (whole.length > this.#answerBytesMax) return;
    const encoded = deflateAnswer(whole);
    const keys = cacheKeys(answer.tenantId);
    const name = keys.answer(key);
    const node = this.#redis.nodeOf(name);
    if (this.#gate.isOpen(node)) throw new RedisUnavailable("Redis does not answer.");
    if (this.#room.isFull(node)) throw new Error("Redis has no room for the cache.");
    if (this.#waitingBytes + encoded.length > waitingBytesMax) {
      throw new Error("Too much waits for Redis already.");
    }
    const untilMs = Math.min(answer.expiresAtEpochMs, nowMs + keptMsMax);
    const hour = hourOf(untilMs);
    const weight = encoded.length + overheadBytes;
    const value = Buffer.concat([Buffer.from(`${requestPart(answer.requestId)}\n`), encoded]);
    this.#waitingBytes += encoded.length;
    try {
      await this.#redis.run(
        putScript,
        [name, keys.purges, keys.sizes, keys.index(hour)],
        [
          ...[value, untilMs - nowMs, memberOf(key, answer, weight), hour, hourOf(nowMs), weight],
          ...[this.#tenantBytesMax, begunEpochMs(answer), hourEndMs(hour) - nowMs],
          ...[keys.indexPrefix, keys.answerPrefix, ...purgeFields(answer)],
        ],
      );
    } finally {
      this.#waitingBytes -= encoded.length;
    }
  }

  async purge(what: Purge): Promise<number> {
    const atEpochMs = this.#clock.epochMs();
    this.#purges.note(what, atEpochMs);
    const { purges } = cacheKeys(what.tenantId);
    const noted = [purgeField(what), atEpochMs, purgeFieldsMax, purgeKeptMs];
    await this.#redis.run(notePurgeScript, [purges], noted);
    const { isHeard } = await this.#feed.announce(what, atEpochMs);
    const count = await this.#delete(what);
    await isHeard;
    return count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#gate[Symbol.dispose]();
    this.#room[Symbol.dispose]();
    await this.#feed[Symbol.asyncDispose]();
  }

  /** Hour by hour, some at a time: Redis serves others in between. */
  async #delete(what: Purge): Promise<number> {
    const keys = cacheKeys(what.tenantId);
    const hours = (await this.#redis.client.hkeys(keys.sizes)).map(Number);
    let count = 0;
    for (const hour of hours.toSorted((left, right) => left - right)) {
      const names = [keys.index(hour), keys.sizes];
      const id = what.requestId === undefined ? undefined : requestPart(what.requestId);
      const to = id === undefined ? "+" : `(${id}}`;
      let from = id === undefined ? "-" : `[${id}|`;
      // Each turn begins behind the one before it, so that there is an end.
      for (;;) {
        const range = [hour, from, to, purgedAtOnce, keys.answerPrefix, ...purgeNeedles(what)];
        const reply = await this.#redis.run(purgeScript, names, range);
        const [deleted, last] = reply as readonly [number, string];
        count += deleted;
        if (last === "") break;
        from = `(${last}`;
      }
    }
    return count;
  }
}
