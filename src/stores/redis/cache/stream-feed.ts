import { setTimeout as passed } from "node:timers/promises";

import type { Clock } from "../../../lib/clock.ts";
import type { RedisConnection } from "../open.ts";

/** One word of a replica to all the others. */
export interface FeedEntry {
  readonly kind: string;
  readonly text: string;
}

export interface StreamFeedOptions {
  readonly redis: Pick<RedisConnection, "client">;
  readonly clock: Clock;
  /** The stream's. */
  readonly key: string;
  /** About so many are kept. Who was away for longer than they reach back begins anew. */
  readonly entriesMax: number;
  readonly entriesAtOnce: number;
  /** The next ones, the oldest first. If it fails, it gets them again. */
  readonly onEntries: (entries: readonly FeedEntry[]) => void | Promise<void>;
  /** At the first contact, and whenever some may have been missed; with the latest that there are, the oldest first. */
  readonly onBegin: (latest: readonly FeedEntry[]) => void;
}

/** Redis is asked this often, which costs it and this process some 30 µs. */
const askEveryMs = 100;
const askAgainMs = 500;
/** Who has not heard for so long does not know what was told meanwhile. */
const freshMs = 1_000;
/** Every replica that hears at all has heard of an entry after so long. */
const heardMs = 2 * askEveryMs;
/** An entry that says nothing: the next time it is asked for there is one to ask for. */
const beginKind = "begin";

type StreamEntry = readonly [id: string, fields: readonly string[]];

/**
 * Tells all replicas, through one Redis Stream. It asks instead of listening: an answer is the proof that nothing was
 * missed, where a connection on which nothing comes may as well be dead. The last entry that is known is asked for again
 * each time: if it is gone, so may be others.
 */
export class StreamFeed implements AsyncDisposable {
  readonly #options: StreamFeedOptions;
  readonly #closing = new AbortController();
  readonly #asking: Promise<void>;
  #lastId: string | undefined;
  #heardTickMs = Number.NEGATIVE_INFINITY;

  constructor(options: StreamFeedOptions) {
    this.#options = options;
    this.#asking = this.#keepAsking();
  }

  /** Whether all that was told until a second ago is known here. */
  get isFresh(): boolean {
    return this.#options.clock.tickMs() - this.#heardTickMs <= freshMs;
  }

  /** Resolves when Redis has it. This replica hears it as well. */
  async tell({ kind, text }: FeedEntry): Promise<void> {
    await this.#add(kind, text);
  }

  /** When all that hear have heard what was told until now. */
  heard(): Promise<void> {
    return passed(heardMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#asking;
  }

  async #keepAsking(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      let pauseMs = askEveryMs;
      try {
        await this.#ask();
      } catch {
        pauseMs = askAgainMs; // `isFresh` tells, and whoever asks Redis for more.
      }
      await passed(pauseMs, undefined, { signal, ref: false }).catch(() => undefined); // Closed.
    }
  }

  async #ask(): Promise<void> {
    const sentTickMs = this.#options.clock.tickMs();
    if (this.#lastId === undefined) await this.#begin();
    else await this.#goOn(this.#lastId);
    this.#heardTickMs = sentTickMs;
  }

  /** From now on. */
  async #begin(): Promise<void> {
    const { redis, key, entriesAtOnce, onBegin } = this.#options;
    const latest: readonly StreamEntry[] = await redis.client.xrevrange(
      ...([key, "+", "-", "COUNT", entriesAtOnce] as const),
    );
    const lastId = latest[0]?.[0] ?? (await this.#add(beginKind, ""));
    onBegin(feedEntries(latest.toReversed()));
    this.#lastId = lastId;
  }

  async #goOn(fromId: string): Promise<void> {
    const { redis, key, entriesAtOnce, onEntries } = this.#options;
    let lastId = fromId;
    for (;;) {
      const entries: readonly StreamEntry[] = await redis.client.xrange(
        ...([key, lastId, "+", "COUNT", entriesAtOnce] as const),
      );
      if (entries[0]?.[0] !== lastId) {
        // Redis was emptied, lost its last writes, or dropped the entry as one of too many.
        this.#lastId = undefined;
        await this.#begin();
        return;
      }
      if (entries.length > 1) await onEntries(feedEntries(entries.slice(1)));
      lastId = entries.at(-1)?.[0] ?? lastId;
      this.#lastId = lastId;
      if (entries.length < entriesAtOnce) return;
    }
  }

  async #add(kind: string, text: string): Promise<string> {
    const { redis, key, entriesMax } = this.#options;
    const id = await redis.client.xadd(key, "MAXLEN", "~", entriesMax, "*", kind, text);
    if (id === null) throw new Error("Redis did not take note of a change.");
    return id;
  }
}

const feedEntries = (entries: readonly StreamEntry[]): FeedEntry[] =>
  entries.flatMap(([, [kind = "", text = ""]]) => (kind === beginKind ? [] : [{ kind, text }]));
