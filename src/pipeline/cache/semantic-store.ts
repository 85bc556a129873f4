import type { Purge, StoredAnswer } from "./cache-store.ts";
import type { SemanticPolicySnapshot } from "./semantic-policy.ts";

/** Something that was asked, and which answer it has. */
export interface SemanticEntry {
  /** Of the request that asked it (ULID). */
  readonly id: string;
  readonly tenantId: string;
  /** Hash of all but the last user message: only entries of one shard are ever compared. */
  readonly shard: string;
  /** The request that produced its answer: its own `id`, or another one's where a check found them to be the same. */
  readonly answerId: string;
  /** The last user message, which the guards read. It is a prompt: never in a log. */
  readonly text: string;
  readonly normalForm: string | undefined;
  /** Of length 1; undefined where it could not be embedded. */
  readonly vector: Float32Array | undefined;
  readonly embedderId: string | undefined;
  readonly expiresAtEpochMs: number;
}

/** What checks have found of an answer. */
export interface Tally {
  readonly answerId: string;
  readonly confirmations: number;
  readonly refutations: number;
}

export interface Shard {
  readonly entries: readonly SemanticEntry[];
  readonly tallies: readonly Tally[];
}

/** What another replica did; each tells it once, in order. */
export type SemanticChange =
  | { readonly kind: "added"; readonly entry: SemanticEntry }
  | {
      readonly kind: "tallied";
      readonly tenantId: string;
      readonly shard: string;
      readonly tally: Tally;
    }
  | { readonly kind: "removed"; readonly tenantId: string; readonly entryIds: readonly string[] }
  /** Changes were lost: whatever is held of any shard has to be loaded again. */
  | { readonly kind: "unknown" };

/** Where the semantic tier keeps what outlives a process. A failure rejects; whoever asks goes on without. */
export interface SemanticStore extends AsyncDisposable {
  /** The newest that are neither over nor purged, `entriesMax` at most. Off the request path. */
  loadShard(
    where: { readonly tenantId: string; readonly shard: string },
    entriesMax: number,
  ): Promise<Shard>;
  /**
   * Keeps an entry; `answer` with the first one of an answer, none with an alias. The entry with the id `replaced`, of the
   * same shard, is forgotten when this one is kept.
   */
  put(entry: SemanticEntry, answer: StoredAnswer | undefined, replaced?: string): Promise<void>;
  /** The answer, if both it and the entry are still there: asked before every hit. */
  answerOf(
    entry: Pick<SemanticEntry, "id" | "tenantId" | "answerId">,
  ): Promise<StoredAnswer | undefined>;
  tally(
    where: { readonly tenantId: string; readonly shard: string; readonly answerId: string },
    isRight: boolean,
  ): Promise<void>;
  /** How many entries it forgot. With an answer go all its aliases. */
  purge(what: Purge): Promise<number>;
  loadPolicy(where: PolicyPlace): Promise<unknown>;
  savePolicy(where: PolicyPlace, snapshot: SemanticPolicySnapshot): Promise<void>;
  /** Calls `listener` for each change of another replica until what it returns is disposed. */
  watch(listener: (change: SemanticChange) => void): AsyncDisposable;
}

export interface PolicyPlace {
  readonly tenantId: string;
  readonly embedderId: string;
}
