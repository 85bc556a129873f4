import type { Purge } from "../../../pipeline/cache/cache-store.ts";

/** What the main thread and the thread that owns `cache.db` say to each other: an answer with what it is found by. Times are milliseconds since 1970. */
export interface CacheRow {
  readonly tenantId: string;
  readonly key: string;
  readonly model: string;
  readonly requestId: string;
  readonly tags: Readonly<Record<string, string>>;
  readonly expiresAtMs: number;
  /** Of `answer-codec.ts`. */
  readonly bytes: Uint8Array<ArrayBuffer>;
}

export interface WantedRow {
  readonly tenantId: string;
  readonly key: string;
}

export type CacheCall =
  | {
      readonly kind: "get";
      readonly id: number;
      readonly wanted: WantedRow;
      readonly nowMs: number;
    }
  | {
      readonly kind: "put";
      readonly id: number;
      /** Of `put-batch.ts`. */
      readonly batch: Uint8Array<ArrayBuffer>;
      readonly nowMs: number;
    }
  | { readonly kind: "purge"; readonly id: number; readonly what: Purge; readonly nowMs: number };

/** It is damaged. */
export interface DropRow {
  readonly kind: "drop";
  readonly wanted: WantedRow;
}
