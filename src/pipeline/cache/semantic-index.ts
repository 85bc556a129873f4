import { ShardIndex } from "./shard-index.ts";
import type { Neighbour } from "./channels.ts";
import type { SemanticEntry, Tally } from "./semantic-store.ts";

export interface SemanticIndexLimits {
  /** Of one shard; at the bound its oldest entry goes. With 384 numbers a look-up takes 0.2 µs an entry, on the main thread. */
  readonly shardEntriesMax: number;
  /** Of all shards together; at the bound the shard goes that was asked for longest ago. */
  readonly bytesMax: number;
}

export const semanticIndexLimits: SemanticIndexLimits = {
  shardEntriesMax: 8_000,
  bytesMax: 256 * 1024 * 1024,
};

export interface ShardPlace {
  readonly tenantId: string;
  readonly shard: string;
}

export interface Asked {
  readonly vector: Float32Array | undefined;
  readonly normalForm: string | undefined;
  readonly nowEpochMs: number;
}

/** What this process holds of the store's shards, so that a look-up asks nobody. Forgetting here loses nothing. */
export class SemanticIndex {
  readonly #limits: SemanticIndexLimits;
  /** The one that was asked for longest ago first. */
  readonly #shards = new Map<string, ShardIndex>();
  #bytes = 0;

  constructor(limits: SemanticIndexLimits = semanticIndexLimits) {
    this.#limits = limits;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get shards(): number {
    return this.#shards.size;
  }

  /** Whether the shard is held; if not, it has to be loaded before it finds anything. */
  has(place: ShardPlace): boolean {
    return this.#shards.has(keyOf(place));
  }

  /** Begins to hold a shard, with what the store has of it. */
  open(place: ShardPlace, entries: readonly SemanticEntry[], tallies: readonly Tally[]): void {
    this.close(place);
    const shard = new ShardIndex(this.#limits.shardEntriesMax);
    this.#shards.set(keyOf(place), shard);
    for (const tally of tallies) shard.tally(tally);
    for (const entry of entries) shard.add(entry);
    this.#bytes += shard.bytes;
    this.#makeRoom();
  }

  close(place: ShardPlace): void {
    const key = keyOf(place);
    this.#bytes -= this.#shards.get(key)?.bytes ?? 0;
    this.#shards.delete(key);
  }

  closeTenant(tenantId: string): void {
    const prefix = prefixOf(tenantId);
    for (const [key, shard] of this.#shards) {
      if (!key.startsWith(prefix)) continue;
      this.#bytes -= shard.bytes;
      this.#shards.delete(key);
    }
  }

  closeAll(): void {
    this.#shards.clear();
    this.#bytes = 0;
  }

  /** How many entries a shard has; undefined for one that is not held. */
  size(place: ShardPlace): number | undefined {
    return this.#shards.get(keyOf(place))?.size;
  }

  /** Ignored for a shard that is not held: it is in the store. */
  add(entry: SemanticEntry): void {
    this.#change(entry, (shard) => {
      shard.add(entry);
    });
  }

  tally(place: ShardPlace, tally: Tally): void {
    this.#change(place, (shard) => {
      shard.tally(tally);
    });
  }

  /** The entry that was asked in these very words. */
  withText(place: ShardPlace, text: string): SemanticEntry | undefined {
    return this.#shards.get(keyOf(place))?.withText(text);
  }

  /** How an answer stands, as far as is known here. */
  tallyOf(place: ShardPlace, answerId: string): Tally | undefined {
    return this.#shards.get(keyOf(place))?.tallyOf(answerId);
  }

  /** Entries with one of these ids, and all that have the answer of one of them. */
  remove(tenantId: string, ids: ReadonlySet<string>): void {
    const prefix = prefixOf(tenantId);
    for (const [key, shard] of this.#shards)
      if (key.startsWith(prefix)) this.#measured(shard, () => shard.remove(ids));
  }

  /** The same of one shard, which has all entries of its answers: of all shards it takes 10 ms and more. */
  removeFrom(place: ShardPlace, ids: ReadonlySet<string>): void {
    this.#change(place, (shard) => {
      shard.remove(ids);
    });
  }

  /** Nearest first; empty for a shard that is not held. */
  nearest(place: ShardPlace, asked: Asked): readonly Neighbour[] {
    const key = keyOf(place);
    const shard = this.#shards.get(key);
    if (shard === undefined) return [];
    this.#shards.delete(key);
    this.#shards.set(key, shard);
    return shard.nearest(asked);
  }

  entry(place: ShardPlace, id: string): SemanticEntry | undefined {
    return this.#shards.get(keyOf(place))?.entry(id);
  }

  #change(place: ShardPlace, change: (shard: ShardIndex) => void): void {
    const shard = this.#shards.get(keyOf(place));
    if (shard === undefined) return;
    this.#measured(shard, () => {
      change(shard);
    });
    this.#makeRoom();
  }

  #measured(shard: ShardIndex, change: () => void): void {
    const before = shard.bytes;
    change();
    this.#bytes += shard.bytes - before;
  }

  #makeRoom(): void {
    for (const [key, shard] of this.#shards) {
      if (this.#bytes <= this.#limits.bytesMax) return;
      this.#shards.delete(key);
      this.#bytes -= shard.bytes;
    }
  }
}

/** A tenant's id holds no line break. */
const keyOf = ({ tenantId, shard }: ShardPlace): string => `${tenantId}\n${shard}`;

const prefixOf = (tenantId: string): string => `${tenantId}\n`;
