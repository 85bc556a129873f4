import type { Clock } from "../../../lib/clock.ts";
import { SemanticIndex, type SemanticIndexLimits, type ShardPlace } from "../semantic-index.ts";
import type { SemanticChange, SemanticEntry, SemanticStore, Tally } from "../semantic-store.ts";
import type { Faults } from "./faults.ts";
import { Loads, type LoadLimits } from "./loads.ts";

/** Changes kept while a shard is loaded, which may or may not be in what the store gives; at the bound it is not held. */
const changesMax = 10_000;

interface Loading {
  readonly place: ShardPlace;
  readonly changes: (() => void)[];
  isStale: boolean;
}

export interface HeldShardsOptions {
  readonly store: Pick<SemanticStore, "loadShard">;
  readonly embedderId: string;
  readonly clock: Clock;
  readonly faults: Faults;
  readonly limits: LoadLimits;
  readonly indexLimits: SemanticIndexLimits;
}

/** The shards that this process holds: loaded when they are first asked for, and told of all that changes since. */
export class HeldShards {
  readonly index: SemanticIndex;
  readonly #options: HeldShardsOptions;
  readonly #loads: Loads;
  readonly #loading = new Set<Loading>();

  constructor(options: HeldShardsOptions) {
    this.#options = options;
    this.index = new SemanticIndex(options.indexLimits);
    this.#loads = new Loads(options.limits, options.clock);
  }

  /** Has it loaded, if there is room for that. */
  want(place: ShardPlace): void {
    this.#loads.want(keyOf(place), () => this.#load(place));
  }

  /** Resolves once it is held. Rejects where the store does not give it. */
  async hold(place: ShardPlace): Promise<void> {
    if (!this.index.has(place)) await this.#loads.join(keyOf(place), () => this.#load(place));
  }

  added(entry: SemanticEntry): void {
    const comparable = this.#comparable(entry);
    this.#change(entry, () => {
      this.index.add(comparable);
    });
  }

  tallied(place: ShardPlace, tally: Tally): void {
    this.#change(place, () => {
      this.index.tally(place, tally);
    });
  }

  removed(tenantId: string, entryIds: readonly string[]): void {
    const ids = new Set(entryIds);
    this.#change({ tenantId, shard: undefined }, () => {
      this.index.remove(tenantId, ids);
    });
  }

  /** The store does not have it any more: found on the request path, so only its own shard is looked through. */
  gone(place: ShardPlace, entryId: string): void {
    const ids = new Set([entryId]);
    this.#change(place, () => {
      this.index.removeFrom(place, ids);
    });
  }

  /** What another replica did. */
  apply(change: SemanticChange): void {
    switch (change.kind) {
      case "added":
        this.added(change.entry);
        return;
      case "tallied":
        this.tallied(change, change.tally);
        return;
      case "removed":
        this.removed(change.tenantId, change.entryIds);
        return;
      case "unknown":
        this.#spoil(() => true);
        this.index.closeAll();
    }
  }

  /** Forgets all shards of a tenant, those included that are just being loaded. */
  closeTenant(tenantId: string): void {
    this.#spoil(({ place }) => place.tenantId === tenantId);
    this.index.closeTenant(tenantId);
  }

  /** Vectors of two models are not compared: of an entry that another one made, only its normal form is. */
  #comparable(entry: SemanticEntry): SemanticEntry {
    if (entry.embedderId === this.#options.embedderId) return entry;
    return { ...entry, vector: undefined, embedderId: undefined };
  }

  async #load(place: ShardPlace): Promise<void> {
    const { store, faults, indexLimits } = this.#options;
    const loading: Loading = { place, changes: [], isStale: false };
    this.#loading.add(loading);
    try {
      const { entries, tallies } = await store.loadShard(place, indexLimits.shardEntriesMax);
      faults.worked("load");
      if (loading.isStale) return;
      const own = entries.filter(
        (entry) => entry.tenantId === place.tenantId && entry.shard === place.shard,
      );
      this.index.open(place, own.map((entry) => this.#comparable(entry)).sort(olderFirst), tallies);
      for (const change of loading.changes) change();
    } catch (error) {
      faults.failed("load", error);
      throw error;
    } finally {
      this.#loading.delete(loading);
    }
  }

  #change(
    { tenantId, shard }: { readonly tenantId: string; readonly shard: string | undefined },
    change: () => void,
  ): void {
    change();
    for (const loading of this.#loading) {
      const { place, changes } = loading;
      if (place.tenantId !== tenantId || (shard !== undefined && place.shard !== shard)) continue;
      if (changes.length >= changesMax) loading.isStale = true;
      else changes.push(change);
    }
  }

  #spoil(isSpoilt: (loading: Loading) => boolean): void {
    for (const loading of this.#loading) if (isSpoilt(loading)) loading.isStale = true;
  }
}

/** Ids are ULIDs. At its bound a shard forgets what it was given first. */
const olderFirst = (left: SemanticEntry, right: SemanticEntry): number =>
  left.id < right.id ? -1 : left.id > right.id ? 1 : 0;

const keyOf = ({ tenantId, shard }: ShardPlace): string => `${tenantId}\n${shard}`;
