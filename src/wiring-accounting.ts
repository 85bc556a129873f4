import { openBudgetAlerts } from "./jobs/budget-alerts.ts";
import type { BudgetAlerts } from "./jobs/budget-alerts.ts";
import { openWebhookSender } from "./jobs/post-webhook.ts";
import { PartHealth } from "./lib/part-health.ts";
import type { BooksConfig, StoreLoss } from "./stores/books/protocol.ts";
import type { BudgetSpent } from "./pipeline/cost/usage-ledger.ts";
import { createPromptHash } from "./pipeline/audit/prompt-hash.ts";
import type { PromptHash } from "./pipeline/audit/prompt-hash.ts";
import type { LimitStore } from "./pipeline/limits/limit-store.ts";
import { Reservations } from "./pipeline/limits/reservation.ts";
import { openBooks } from "./stores/books/open.ts";
import type { Books, BooksEvent } from "./stores/books/open.ts";
import { openAuditKeys } from "./stores/disk/audit-keys.ts";
import type { DiskJournal, JournalEvent } from "./stores/disk/disk-journal.ts";
import { openJournal } from "./stores/disk/open-journal.ts";
import { jobsSinkName } from "./stores/disk/journal-sink.ts";
import type { Log } from "./telemetry/log.ts";
import { tenantRetention } from "./wiring-retention.ts";
import type { Stores, StoreTools } from "./wiring-stores.ts";

/** Everything that accounts for requests: the journal, the books that are kept from it, and the limits. */
export interface Accounting {
  readonly stores: Stores;
  readonly journal: DiskJournal;
  readonly limits: LimitStore;
  readonly reservations: Reservations;
  readonly promptHash: PromptHash;
  /** Resolves when what was settled so far can be read, or after a moment. */
  readonly settled: () => Promise<void>;
  /** For `/health`. */
  readonly figures: () => object;
  readonly healths: readonly PartHealth[];
  /** Whether a shared store has lost what only a backup has: told in `/health` until the next start. */
  readonly dataHealth: PartHealth;
}

/** Who hears of what the books tell: the metrics. */
export interface AccountingListener {
  onSpent(spent: readonly BudgetSpent[]): void;
  /** A store could not be fed, or the journal not be written. */
  onStoreFailed(store: string, operation: string): void;
}

/** A report waits so long for the newest requests. */
const settledMs = 1_000;

/**
 * Opened before everything else that writes, because the journal's lock is what keeps a second process out of the
 * data directory. What it is closed after is the reverse: the last settle is journalled, the books have it, and only
 * then the stores go.
 */
export async function openAccounting(
  tools: StoreTools,
  openStores: () => Promise<Stores>,
  listener: AccountingListener,
): Promise<Accounting> {
  const { settings, clock, log, opening } = tools;
  const { dataDir, accounting } = settings;
  const keys = await openAuditKeys(dataDir, settings.masterKey);
  const health = {
    journal: new PartHealth("journal", clock),
    audit: new PartHealth("audit", clock),
    jobsFeed: new PartHealth("jobs_feed", clock),
    data: new PartHealth("shared_data", clock),
  };
  const booksHealth = new BooksHealth(health, log);
  const journal = await openJournal({
    dataDir,
    chainKey: keys.chainKey,
    clock,
    bytesMax: accounting.journalBytesMax,
    keepMs: accounting.journalKeepMs,
    isShared: settings.store === "redis",
    onDiskFull: accounting.onDiskFull,
    onEvent: (event) => {
      noteJournal(event, health.journal, tools);
      if (badJournal.has(event.kind)) listener.onStoreFailed("journal", "append");
    },
  });
  opening.use(journal);
  const later: { alerts?: BudgetAlerts } = {};
  const startBooks = (): Promise<Books> =>
    openBooks({
      journal,
      config: booksConfig(settings, keys.chainKey),
      onSpent: (spent) => {
        later.alerts?.note(spent);
        listener.onSpent(spent);
      },
      onEvent: (event) => {
        booksHealth.note(event);
        if (event.kind === "sink_failed") listener.onStoreFailed(event.sink, "feed");
      },
    });
  const { stores, booksOpening } = await openBeside(settings.store, openStores, startBooks);
  later.alerts = openAlerts(stores, tools);
  const books = opening.use(await booksOpening);
  // Before the books' last round, so that the audit files end with a checkpoint.
  opening.defer(() => {
    journal.checkpoint();
  });
  opening.use(tenantRetention(stores.tenants, books, log));
  // With one process the limits begin with what the ledger says, so it has to have what earlier ones journalled.
  if (settings.store === "sqlite" && journal.adopted.length > 0) await books.replayed;
  return {
    stores,
    journal,
    limits: await stores.openLimits(),
    reservations: new Reservations(),
    promptHash: createPromptHash((tenantId) => keys.promptKeyOf(tenantId)),
    settled: async () => {
      await books.flush(settledMs);
    },
    figures: () => figuresOf(journal, books),
    healths: [...stores.healths, health.journal, health.audit, health.jobsFeed],
    dataHealth: health.data,
  };
}

const booksConfig = (
  { dataDir, store, redisUrls, accounting }: StoreTools["settings"],
  chainKey: Uint8Array,
): BooksConfig => ({
  dataDir,
  chainKey,
  store,
  redisUrls,
  hasAuditFiles: accounting.hasAuditFiles,
  auditRetentionDays: accounting.auditRetentionDays,
  auditRedisHours: accounting.auditRedisHours,
});

/**
 * The books are closed again where the stores cannot be opened. With Redis that must not begin: the books would wait
 * for it to take what they have. With SQLite both are opened side by side, as each starts a thread and waits for it.
 */
async function openBeside(
  store: BooksConfig["store"],
  openStores: () => Promise<Stores>,
  startBooks: () => Promise<Books>,
): Promise<{ readonly stores: Stores; readonly booksOpening: Promise<Books> }> {
  if (store === "redis") {
    const stores = await openStores();
    return { stores, booksOpening: startBooks() };
  }
  const booksOpening = startBooks();
  const stores = await openStores().catch(async (error: unknown) => {
    await (await booksOpening)[Symbol.asyncDispose]();
    throw error;
  });
  return { stores, booksOpening };
}

function openAlerts(stores: Stores, { settings, clock, log, opening }: StoreTools): BudgetAlerts {
  return opening.use(
    openBudgetAlerts({
      claims: stores.alertClaims,
      policies: stores.tenants,
      sender: opening.use(openWebhookSender()),
      clock,
      defaultUrl: settings.accounting.budgetWebhookUrl,
      onError: (error) => {
        log.warn({ err: error }, "an alert of a budget was not sent");
      },
    }),
  );
}

const badJournal: ReadonlySet<JournalEvent["kind"]> = new Set([
  "journal_unwritable",
  "journal_dropping",
  "journal_sync_failed",
]);

function noteJournal(event: JournalEvent, health: PartHealth, { log }: StoreTools): void {
  const { kind, message, error } = event;
  if (badJournal.has(kind)) health.noteFailure(message);
  else if (kind === "journal_writable_again") health.noteOk();
  const line = error === undefined ? { event: kind } : { event: kind, err: error };
  if (kind === "journal_adopted" || kind === "journal_writable_again") log.info(line, message);
  else log.error(line, message);
}

const losses: Readonly<Record<Exclude<StoreLoss, "restarted">, string>> = {
  unsaved:
    "Redis was restarted without having saved everything. What the journal has is back; older sums, tenants and keys come from a backup.",
  emptied:
    "Redis was emptied. What the journal has is back; older sums, tenants and keys come from a backup.",
  files_lost:
    "Files of data/audit, or ledger.db, are gone or damaged. What the journal has is back; what is older comes from a backup.",
};

/** Which stores are behind, and why: each is told of until it has caught up. */
class BooksHealth {
  readonly #failing = new Map<string, string>();
  readonly #health: PartHealth;
  /** Jobs that are not enqueued yet: nothing of the audit is behind by that. */
  readonly #jobsFeed: PartHealth;
  /** Stays until the next start: what was lost is somebody's to put back. */
  readonly #lost: PartHealth;
  readonly #log: Log;

  constructor(
    { audit, data, jobsFeed }: Readonly<Record<"audit" | "data" | "jobsFeed", PartHealth>>,
    log: Log,
  ) {
    this.#health = audit;
    this.#jobsFeed = jobsFeed;
    this.#lost = data;
    this.#log = log;
  }

  note(event: BooksEvent): void {
    switch (event.kind) {
      case "sink_failed":
        if (event.sink === jobsSinkName) this.#jobsFeed.noteFailure(jobsBehind(event.message));
        else this.#failing.set(event.sink, `The store "${event.sink}" is behind: ${event.message}`);
        this.#log.warn(event, "a store is not kept up; the journal keeps what it has not got");
        break;
      case "sink_recovered":
        if (event.sink === jobsSinkName) this.#jobsFeed.noteOk();
        this.#failing.delete(event.sink);
        this.#log.info(event, "a store is kept up again");
        break;
      case "thread_died":
        this.#failing.set("thread", "The thread that keeps the books is restarted.");
        this.#log.error(event, "the books thread has died");
        break;
      case "thread_restarted":
        this.#failing.delete("thread");
        this.#log.info(event, "the books thread runs again");
        break;
      case "sink_notice":
        this.#log.error(event, event.message);
        break;
      case "sink_lost":
        // What at most the last second was lost of is whole again when the journal was fed to it.
        if (event.loss !== "restarted") this.#lost.noteFailure(losses[event.loss]);
        break;
      case "sink_rewound":
        this.#log.warn(event, "a store has lost what it had; the journal is fed to it again");
        break;
      case "line_quarantined":
        this.#log.error(event, "a line of the journal cannot be used and was put aside");
        break;
    }
    const [first] = this.#failing.values();
    if (first === undefined) this.#health.noteOk();
    else this.#health.noteFailure(first);
  }
}

const jobsBehind = (why: string): string =>
  `What is to be judged waits in the journal, because the store of jobs does not take it: ${why}`;

function figuresOf({ stats }: DiskJournal, books: Books): object {
  return { journal: stats, books: books.stats() };
}
