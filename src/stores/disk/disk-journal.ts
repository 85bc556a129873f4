import type { Journal } from "../../pipeline/journal.ts";
import type { JournalPosition } from "./journal-line.ts";
import type { SinkLag } from "./sink-lag.ts";

/** The journal of one process, and of the dead ones whose journals it has taken over. */
export interface DiskJournal extends Journal, AsyncDisposable {
  /** This process's name in the journal: a ULID. */
  readonly writer: string;
  /** Where the next line will be written: what is before it can be read. */
  readonly position: JournalPosition;
  /** Dead writers whose journals are now this process's to feed, the oldest first. Nothing is added to them any more. */
  readonly adopted: readonly string[];
  /**
   * Looks for writers that have died since: several processes share the directory. Resolves to those that
   * are this process's now. Never rejects: what goes wrong is an event, and is tried again at the next call.
   */
  adoptDead(): Promise<readonly string[]>;
  /** Says, once per turn of the event loop at most, up to where this process's journal can be read now. */
  onWritten(listener: (position: JournalPosition) => void): void;
  /** The disk is full: says what waits in memory, in order, each line once and without its line feed, so that stores can have it. */
  onUnwritten(listener: (lines: readonly string[]) => void): void;
  /**
   * Which sinks are fed from here: a segment is deleted when every one of them has acknowledged it. Until it
   * was called, nothing is. May be called again, when they change.
   */
  useSinks(names: readonly string[]): void;
  /** A sink has all of a writer's journal up to a place. A lower place than before counts too: it has lost some. */
  acknowledge(sink: string, writer: string, position: JournalPosition): void;
  /** Deletes what is no longer needed; also done by itself every minute. */
  sweep(): Promise<void>;
  /** Signs the chain as it is now; done by itself every hour and at the end, which may be too late for the sinks. */
  checkpoint(): void;
  /** Resolves when all that was written is on disk, whatever happens to the power. Rejects where the disk fails. */
  sync(): Promise<void>;
  readonly stats: JournalStats;
  /** How far each sink is behind; empty before `useSinks`. */
  lags(): readonly SinkLag[];
}

export interface JournalStats {
  /** On disk, of this process and of those it has taken over. */
  readonly bytes: number;
  readonly segments: number;
  /** Since the start. */
  readonly linesAppended: number;
  readonly recordsAppended: number;
  /** In memory, because the disk does not take them. */
  readonly linesWaiting: number;
  readonly bytesWaiting: number;
  /** Lost for want of room, since the start. */
  readonly dropped: {
    readonly payloads: number;
    readonly jobs: number;
    readonly starts: number;
    readonly records: number;
  };
  /** Requests that were admitted and have no record yet. */
  readonly unfinished: number;
  readonly failedSyncs: number;
}

/** What an operator should know. The words are a sentence without names of tenants, keys or models. */
export interface JournalEvent {
  readonly kind:
    | "journal_unwritable"
    | "journal_writable_again"
    | "journal_dropping"
    | "journal_sync_failed"
    | "journal_adopted"
    | "journal_adoption_failed"
    | "journal_delete_failed"
    | "journal_jobs_lost";
  readonly message: string;
  readonly error?: unknown;
}
