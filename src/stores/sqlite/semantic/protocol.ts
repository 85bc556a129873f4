import type { Purge } from "../../../pipeline/cache/cache-store.ts";
import type { PolicyPlace, Tally } from "../../../pipeline/cache/semantic-store.ts";
import type { DatabaseFileSettings } from "../cache/database-file.ts";

/** What the main thread and the thread that owns `semantic.db` say to each other. */
export interface SemanticFileSettings extends DatabaseFileSettings {
  /** At the bound the oldest entry of the shard goes. */
  readonly shardEntriesMax: number;
}

/** Times are milliseconds since 1970. */
export interface EntryRow {
  readonly tenantId: string;
  readonly entryId: string;
  readonly shard: string;
  readonly answerId: string;
  readonly expiresAtMs: number;
  /** Of `entry-codec.ts`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of an alias there is none. */
  readonly answer: AnswerRow | undefined;
  /** The entry that goes when this one is kept. */
  readonly replaced: string | undefined;
}

export interface AnswerRow {
  readonly model: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly expiresAtMs: number;
  /** Of `answer-codec.ts`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface ShardPlace {
  readonly tenantId: string;
  readonly shard: string;
}

export interface WantedAnswer {
  readonly tenantId: string;
  readonly entryId: string;
  readonly answerId: string;
}

export interface ShardRows {
  /** The oldest first. */
  readonly entries: readonly { readonly id: string; readonly bytes: Uint8Array }[];
  readonly tallies: readonly Tally[];
}

export type SemanticCall = { readonly id: number; readonly nowMs: number } & (
  | { readonly kind: "load"; readonly where: ShardPlace; readonly entriesMax: number }
  | { readonly kind: "put"; readonly row: EntryRow }
  | { readonly kind: "answer"; readonly wanted: WantedAnswer }
  | {
      readonly kind: "tally";
      readonly where: ShardPlace & { readonly answerId: string };
      readonly isRight: boolean;
    }
  | { readonly kind: "purge"; readonly what: Purge }
  | { readonly kind: "policy"; readonly where: PolicyPlace }
  | { readonly kind: "save"; readonly where: PolicyPlace; readonly json: string }
);

/** Its answer is damaged. */
export interface DropAnswer {
  readonly kind: "drop";
  readonly wanted: WantedAnswer;
}
