import { randomUUID } from "node:crypto";

import { z } from "zod";

import type { Clock } from "../../../lib/clock.ts";
import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import type { SemanticChange, SemanticEntry } from "../../../pipeline/cache/semantic-store.ts";
import { parseJson, purgeSchema } from "../cache/purge-feed.ts";
import { StreamFeed } from "../cache/stream-feed.ts";
import type { FeedEntry } from "../cache/stream-feed.ts";
import type { RedisConnection } from "../open.ts";
import { changesKey } from "./keys.ts";

/** What a replica says of a change: names, and no prompt. */
const wordSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("added"), tenantId: z.string(), id: z.string() }),
  z.object({
    kind: z.literal("tallied"),
    tenantId: z.string(),
    shard: z.string(),
    tally: z.object({
      answerId: z.string(),
      confirmations: z.number(),
      refutations: z.number(),
    }),
  }),
  z.object({
    kind: z.literal("removed"),
    tenantId: z.string(),
    entryIds: z.array(z.string()).readonly(),
  }),
  z.object({ kind: z.literal("purged"), what: purgeSchema, atEpochMs: z.number() }),
]);
export type ChangeWord = Readonly<z.infer<typeof wordSchema>>;

const saidSchema = z.object({ by: z.string(), word: wordSchema });

export interface ChangeFeedOptions {
  readonly redis: Pick<RedisConnection, "client">;
  readonly clock: Clock;
  /** About so many are kept. */
  readonly entriesMax?: number;
  /** The entry, if it is still there. */
  readonly load: (tenantId: string, id: string) => Promise<SemanticEntry | undefined>;
  readonly onPurge: (what: Purge, atEpochMs: number) => void;
  readonly onChange: (change: SemanticChange) => void;
}

/** Of some 150 bytes each; one of a purge has up to 15 kB. */
const entriesMaxDefault = 10_000;
/** An entry that was added is loaded by each replica, and so many at once: 2 kB each. */
const entriesAtOnce = 200;

/** Tells the other replicas what this one changed in the semantic tier, and hears what they did, in the same order. */
export class ChangeFeed implements AsyncDisposable {
  readonly #options: ChangeFeedOptions;
  /** Its own changes are not told to itself. */
  readonly #ownName = randomUUID();
  readonly #feed: StreamFeed;

  constructor(options: ChangeFeedOptions) {
    const { redis, clock, entriesMax = entriesMaxDefault } = options;
    this.#options = options;
    this.#feed = new StreamFeed({
      redis,
      clock,
      key: changesKey,
      entriesMax,
      entriesAtOnce,
      onEntries: (entries) => this.#hear(entries),
      onBegin: (latest) => {
        for (const { text } of latest) {
          const said = saidSchema.safeParse(parseJson(text));
          // What was purged lately may be in Redis yet, where somebody deletes it just now.
          if (said.success && said.data.word.kind === "purged") {
            options.onPurge(said.data.word.what, said.data.word.atEpochMs);
          }
        }
        options.onChange({ kind: "unknown" });
      },
    });
  }

  /** Resolves when Redis has it. */
  async tell(word: ChangeWord): Promise<void> {
    const said: z.infer<typeof saidSchema> = { by: this.#ownName, word };
    await this.#feed.tell({ kind: "change", text: JSON.stringify(said) });
  }

  /** When all that hear have heard what was told until now. */
  heard(): Promise<void> {
    return this.#feed.heard();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#feed[Symbol.asyncDispose]();
  }

  /** Loads all first: if that fails nothing of them was told, and all of them come again. */
  async #hear(entries: readonly FeedEntry[]): Promise<void> {
    const changes = await Promise.all(entries.map(({ text }) => this.#changeOf(text)));
    for (const change of changes) if (change !== undefined) this.#options.onChange(change);
  }

  async #changeOf(text: string): Promise<SemanticChange | undefined> {
    const said = saidSchema.safeParse(parseJson(text));
    // A newer version's word: what it is about is not known here.
    if (!said.success) return { kind: "unknown" };
    const { by, word } = said.data;
    if (by === this.#ownName) return undefined;
    switch (word.kind) {
      case "added": {
        const entry = await this.#options.load(word.tenantId, word.id);
        return entry === undefined ? undefined : { kind: "added", entry };
      }
      case "purged": {
        // By this process' own clock too, which may be behind: what began before it heard of the purge is not kept.
        const atEpochMs = Math.max(word.atEpochMs, this.#options.clock.epochMs());
        this.#options.onPurge(word.what, atEpochMs);
        return undefined;
      }
      case "tallied":
      case "removed":
        return word;
    }
  }
}
