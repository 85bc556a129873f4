import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import type { FeederEvent, FeederStats } from "../disk/feeder.ts";
import type { Since } from "../disk/feeder-track.ts";
import type { JournalPosition } from "../disk/journal-line.ts";

/** What the books thread is told when it is started. It reads no settings by itself. */
export interface BooksConfig {
  readonly dataDir: string;
  readonly store: "sqlite" | "redis";
  /** With Redis. */
  readonly redisUrls: readonly string[] | undefined;
  /** With Redis: whether the long history is kept in files beside it. */
  readonly hasAuditFiles: boolean;
  readonly auditRetentionDays: number;
  /** Signs what is said of records that are removed when their time is over. */
  readonly chainKey: Uint8Array;
  /** How far back Redis has the audit. */
  readonly auditRedisHours: number;
}

/** Where a tenant's policy keeps less, or more, than the platform's settings say. */
export interface TenantRetention {
  readonly tenantId: string;
  /** Undefined: as long as everyone's. */
  readonly auditDays: number | undefined;
  /** Undefined: prompts and answers are not kept. */
  readonly payloadDays: number | undefined;
}

export type ToBooks =
  | { readonly kind: "wrote"; readonly writer: string; readonly position: JournalPosition }
  | { readonly kind: "adopt"; readonly writers: readonly string[] }
  | { readonly kind: "unwritten"; readonly writer: string; readonly lines: readonly string[] }
  | { readonly kind: "retention"; readonly tenants: readonly TenantRetention[] }
  | { readonly kind: "rewind"; readonly sink: string; readonly since: Since }
  | { readonly kind: "flush"; readonly id: number; readonly limitMs: number }
  | { readonly kind: "close" };

export type FromBooks =
  | { readonly kind: "ready"; readonly sinks: readonly string[] }
  | { readonly kind: "spent"; readonly spent: readonly BudgetSpent[] }
  | { readonly kind: "event"; readonly event: FeederEvent | SinkEvent }
  | { readonly kind: "flushed"; readonly id: number; readonly behind: readonly string[] }
  /** Once a second; its absence is how a thread that hangs is known. */
  | { readonly kind: "report"; readonly marks: readonly SinkMark[]; readonly stats: FeederStats };

export interface SinkMark {
  readonly sink: string;
  readonly writer: string;
  readonly position: JournalPosition;
}

/** Something that a store wants its operator to know, in a sentence; or that it has lost what it had. */
export type SinkEvent =
  | { readonly kind: "sink_notice"; readonly sink: string; readonly message: string }
  | { readonly kind: "sink_lost"; readonly sink: string; readonly loss: StoreLoss };

/**
 * Restarted: at most its last second. Unsaved: what it had not saved, which may be all. Emptied: all. Files lost: what
 * was in the files that are gone.
 */
export type StoreLoss = "restarted" | "unsaved" | "emptied" | "files_lost";

export const reportEveryMs = 1_000;
