import { randomUUID } from "node:crypto";

import { z } from "zod";

import type { Clock } from "../../../lib/clock.ts";
import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import type { RedisConnection } from "../open.ts";
import { purgesKey } from "./keys.ts";
import { StreamFeed } from "./stream-feed.ts";
import type { FeedEntry } from "./stream-feed.ts";

export interface PurgeFeedOptions {
  readonly redis: Pick<RedisConnection, "client">;
  readonly clock: Clock;
  /** Another replica purged; told within a second. Also of those that were noted before this one was there. */
  readonly onPurge: (what: Purge, atEpochMs: number) => void;
  /** Purges may have been missed: whatever is kept here may have been purged. */
  readonly onMissed: () => void;
}

const entriesAtOnce = 1_000;
/** 200 bytes each. */
const entriesMax = 10_000;

export const purgeSchema = z.object({
  tenantId: z.string(),
  model: z.exactOptional(z.string()),
  requestId: z.exactOptional(z.string()),
  tag: z.exactOptional(z.object({ name: z.string(), value: z.string() })),
});

const entrySchema = z.object({ by: z.string(), at: z.number(), what: purgeSchema });

/** Tells every replica of purges, so that its memory forgets as well. */
export class PurgeFeed implements AsyncDisposable {
  readonly #options: PurgeFeedOptions;
  /** Whose own purges need not be told. */
  readonly #ownName = randomUUID();
  readonly #feed: StreamFeed;

  constructor(options: PurgeFeedOptions) {
    this.#options = options;
    const { redis, clock } = options;
    this.#feed = new StreamFeed({
      redis,
      clock,
      key: purgesKey,
      entriesMax,
      entriesAtOnce,
      onEntries: (entries) => {
        // By this process' own clock too, which may be behind: what began before it heard of the purge is not kept.
        for (const entry of entries) this.#note(entry, (at) => Math.max(at, clock.epochMs()));
      },
      onBegin: (latest) => {
        // What was purged lately may be in the store yet, where somebody deletes it just now.
        for (const entry of latest) this.#note(entry, (at) => at);
        options.onMissed();
      },
    });
  }

  /** Whether all purges until a second ago are known here. */
  get isFresh(): boolean {
    return this.#feed.isFresh;
  }

  /** Resolves when it is told, to a promise for when all that hear have heard of it. */
  async announce(what: Purge, atEpochMs: number): Promise<{ readonly isHeard: Promise<void> }> {
    const entry: z.infer<typeof entrySchema> = { by: this.#ownName, at: atEpochMs, what };
    await this.#feed.tell({ kind: "purge", text: JSON.stringify(entry) });
    return { isHeard: this.#feed.heard() };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#feed[Symbol.asyncDispose]();
  }

  #note({ text }: FeedEntry, timeOf: (atEpochMs: number) => number): void {
    const entry = entrySchema.safeParse(parseJson(text));
    if (!entry.success) {
      this.#options.onMissed(); // A newer version's word: what it is about is not known here.
      return;
    }
    const { by, at, what } = entry.data;
    if (by !== this.#ownName) this.#options.onPurge(what, timeOf(at));
  }
}

/** Undefined where it is not JSON, and so not ours. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
