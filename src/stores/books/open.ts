import { extname } from "node:path";

import type { BudgetSpent } from "../../pipeline/cost/usage-ledger.ts";
import type { FeederEvent, FeederStats, FlushOutcome } from "../disk/feeder.ts";
import type { Since } from "../disk/feeder-track.ts";
import type { JournalPosition } from "../disk/journal-line.ts";
import { threadKeeper } from "./keep-thread.ts";
import type { KeptThread, ThreadEvent, ThreadLimits } from "./keep-thread.ts";
import type { BooksConfig, FromBooks, SinkEvent, TenantRetention } from "./protocol.ts";

/** What of the journal the books are kept from. */
export interface FedJournal {
  readonly writer: string;
  readonly position: JournalPosition;
  readonly adopted: readonly string[];
  adoptDead(): Promise<readonly string[]>;
  onWritten(listener: (position: JournalPosition) => void): void;
  onUnwritten(listener: (lines: readonly string[]) => void): void;
  useSinks(names: readonly string[]): void;
  acknowledge(sink: string, writer: string, position: JournalPosition): void;
}

export type BooksEvent = FeederEvent | SinkEvent | ThreadEvent;

export interface BooksOptions {
  readonly journal: FedJournal;
  readonly config: BooksConfig;
  /** What budgets have come to, as the stores say; of the same budget a later word may be an earlier sum after a store lost some. */
  readonly onSpent: (spent: readonly BudgetSpent[]) => void;
  readonly onEvent: (event: BooksEvent) => void;
  /** Another thread than `thread.ts`: tests have one that dies. */
  readonly thread?: URL;
  readonly limits?: Partial<ThreadLimits>;
}

/** The stores of audit and usage, kept up with the journal by a thread of their own. */
export interface Books extends AsyncDisposable {
  /** When every store that works has what the journal had at the start. Never rejects: what failed was an event. */
  readonly replayed: Promise<void>;
  /** Resolves when every store that works has what was appended before the call; at the latest after `limitMs`. */
  flush(limitMs?: number): Promise<FlushOutcome>;
  /** Tells the stores how long each tenant's records are kept; replaces what was told before. */
  keepFor(tenants: readonly TenantRetention[]): void;
  /** Gives a store again what the journal has since then. */
  rewind(sink: string, since: Since): void;
  stats(): BooksStats;
}

export interface BooksStats extends FeederStats {
  /** Whether the thread runs and answers. */
  readonly isRunning: boolean;
  readonly restarts: number;
}

/** How often it looks for processes that have died and left a journal. */
const adoptEveryMs = 15_000;
/** Places are told to the thread so often at most: under load it gets many lines at a time. */
const wroteEveryMs = 20;
const flushMsMax = 10_000;
/** The longest that a timer can wait; a replay may take as long as it needs. */
const foreverMs = 2_147_483_647;

/** Resolves once the thread runs. Rejects if it cannot be started at all; a store that is down is an event. */
export async function openBooks(options: BooksOptions): Promise<Books> {
  const books = new ThreadBooks(options);
  await books.started;
  return books;
}

class ThreadBooks implements Books {
  readonly started: Promise<void>;
  readonly replayed: Promise<void>;
  readonly #journal: FedJournal;
  readonly #thread: KeptThread;
  readonly #adopting: NodeJS.Timeout;
  readonly #onSpent: BooksOptions["onSpent"];
  readonly #onEvent: BooksOptions["onEvent"];
  #retention: readonly TenantRetention[] | undefined;
  #adopted: readonly string[];
  #stats: FeederStats = { sinks: [], quarantined: {}, backlogDropped: 0 };
  #wroteAtMs = 0;
  #wroteTimer: NodeJS.Timeout | undefined;
  #isClosing = false;
  #closed: Promise<void> | undefined;

  constructor(options: BooksOptions) {
    const { journal, config } = options;
    this.#journal = journal;
    this.#onSpent = options.onSpent;
    this.#onEvent = options.onEvent;
    this.#adopted = [...journal.adopted];
    this.#thread = threadKeeper({
      // The extension is this file's own: `.ts` as it is developed, `.js` as it is published.
      url: options.thread ?? new URL(`thread${extname(import.meta.url)}`, import.meta.url),
      config,
      limits: options.limits ?? {},
      onEvent: options.onEvent,
      onMessage: (message) => {
        this.#hear(message);
      },
      onReady: () => {
        this.#tellAll();
      },
    });
    this.started = this.#thread.started;
    journal.onWritten(() => {
      this.#wrote();
    });
    journal.onUnwritten((lines) => {
      this.#thread.post({ kind: "unwritten", writer: journal.writer, lines });
    });
    this.#adopting = setInterval(() => void this.#adoptDead(), adoptEveryMs).unref();
    this.replayed = this.#thread.flush(foreverMs).then(() => undefined);
  }

  flush(limitMs = flushMsMax): Promise<FlushOutcome> {
    this.#tellPosition();
    return this.#thread.flush(limitMs);
  }

  keepFor(tenants: readonly TenantRetention[]): void {
    this.#retention = tenants;
    this.#thread.post({ kind: "retention", tenants });
  }

  rewind(sink: string, since: Since): void {
    this.#thread.post({ kind: "rewind", sink, since });
  }

  stats(): BooksStats {
    const { isRunning, restarts } = this.#thread;
    return { ...this.#stats, isRunning, restarts };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return (this.#closed ??= this.#close());
  }

  async #close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#adopting);
    this.#tellPosition();
    await this.#thread.close();
  }

  /** A thread that has just started knows nothing. */
  #tellAll(): void {
    this.#thread.post({ kind: "adopt", writers: this.#adopted });
    if (this.#retention !== undefined) this.keepFor(this.#retention);
    this.#tellPosition();
  }

  /** Runs once per turn of the event loop in which something was appended. */
  #wrote(): void {
    if (this.#wroteTimer !== undefined || this.#isClosing) return;
    const waitMs = this.#wroteAtMs + wroteEveryMs - performance.now();
    if (waitMs <= 0) this.#tellPosition();
    else this.#wroteTimer = setTimeout(() => this.#tellPosition(), waitMs).unref();
  }

  #tellPosition(): void {
    clearTimeout(this.#wroteTimer);
    this.#wroteTimer = undefined;
    this.#wroteAtMs = performance.now();
    const { writer, position } = this.#journal;
    this.#thread.post({ kind: "wrote", writer, position });
  }

  async #adoptDead(): Promise<void> {
    const writers = await this.#journal.adoptDead();
    if (writers.length === 0 || this.#isClosing) return;
    this.#adopted = [...this.#adopted, ...writers];
    this.#thread.post({ kind: "adopt", writers });
  }

  #hear(message: Exclude<FromBooks, { kind: "flushed" }>): void {
    switch (message.kind) {
      case "ready":
        this.#journal.useSinks(message.sinks);
        break;
      case "spent":
        this.#onSpent(message.spent);
        break;
      case "event":
        this.#onEvent(message.event);
        break;
      case "report":
        this.#stats = message.stats;
        for (const { sink, writer, position } of message.marks) {
          this.#journal.acknowledge(sink, writer, position);
        }
        break;
    }
  }
}
