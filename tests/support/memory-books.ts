import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import type { BudgetSpent } from "../../src/pipeline/cost/usage-ledger.ts";
import { periodIdsOf } from "../../src/pipeline/limits/budget-periods.ts";
import type {
  JournalLine,
  JournalPosition,
  RecordLine,
} from "../../src/stores/disk/journal-line.ts";
import type { JournalBatch, JournalSink, TakenBatch } from "../../src/stores/disk/journal-sink.ts";

/** What a store of the books holds; copied to be what it is after a loss. */
interface Held {
  readonly records: ReadonlyMap<string, RecordLine>;
  readonly marks: ReadonlyMap<string, JournalPosition>;
  /** By `tenant period` and `tenant key period`. */
  readonly spent: ReadonlyMap<string, bigint>;
}

const snapshotsMax = 30;

const nothing = (): Held => ({ records: new Map(), marks: new Map(), spent: new Map() });

/**
 * A simple and honest store: each batch is taken whole or not at all. It outlives the sinks that are opened on
 * it, and does on demand what stores do on bad days.
 */
export class MemoryBooks {
  readonly name: string;
  /** Every line it was given, in order. */
  readonly lines: JournalLine[] = [];
  readonly batches: JournalBatch[] = [];
  /** Called before a batch is taken: throw, wait for ever, or return lines to refuse. */
  before: (batch: JournalBatch) => Promise<TakenBatch["refused"]> = () => Promise.resolve([]);
  /** Called when a batch is kept and not yet acknowledged. */
  after: () => Promise<void> = () => Promise.resolve();
  #held = nothing();
  readonly #rewinds = new Set<(since: { readonly epochMs: number } | "all") => void>();
  #losses = 0;
  /** How it was, the oldest first; not before its last loss. */
  #snapshots: { readonly epochMs: number; readonly held: Held }[] = [];
  #changed = Promise.withResolvers<undefined>();

  constructor(name = "memory") {
    this.name = name;
  }

  get held(): Held {
    return this.#held;
  }

  get entries(): readonly AuditEntry[] {
    return [...this.#held.records.values()].flatMap(({ record }) =>
      record.object === "audit.record" ? [record] : [],
    );
  }

  get ids(): readonly string[] {
    return [...this.#held.records.keys()];
  }

  /** Resolves when it holds so many records. */
  async holds(count: number): Promise<void> {
    while (this.#held.records.size < count) await this.#changed.promise;
  }

  /** Back to how it was; and it says so, unless it was found out by nobody. */
  restore(held: Held, tell?: { readonly epochMs: number } | "all"): void {
    this.#held = held;
    this.#losses += 1;
    if (tell !== undefined) for (const rewind of this.#rewinds) rewind(tell);
  }

  loseAll(): void {
    this.#snapshots = [];
    this.restore(nothing(), "all");
  }

  /** Loses so many of the batches that it took last, as many as are known; says which records it still has. */
  loseLast(batches: number): readonly string[] {
    const snapshot = this.#snapshots.at(-batches) ?? this.#snapshots[0];
    if (snapshot !== undefined) {
      this.#snapshots = this.#snapshots.slice(0, this.#snapshots.indexOf(snapshot));
      this.restore(snapshot.held, { epochMs: snapshot.epochMs });
    }
    return this.ids;
  }

  open(): JournalSink {
    let listener: ((since: { readonly epochMs: number } | "all") => void) | undefined;
    return {
      name: this.name,
      mark: (writer) => Promise.resolve(this.#held.marks.get(writer)),
      take: (batch) => this.#take(batch),
      onRewind: (rewind) => {
        listener = rewind;
        this.#rewinds.add(rewind);
      },
      [Symbol.asyncDispose]: () => {
        if (listener !== undefined) this.#rewinds.delete(listener);
        return Promise.resolve();
      },
    };
  }

  async #take(batch: JournalBatch): Promise<TakenBatch> {
    const losses = this.#losses;
    const refused = await this.before(batch);
    const { records, marks, spent } = this.#held;
    const next = { records: new Map(records), marks: new Map(marks), spent: new Map(spent) };
    const told: BudgetSpent[] = [];
    for (const line of batch.lines) {
      if (line.kind !== "record" || next.records.has(line.record.id)) continue;
      if (refused.some((each) => each.line === line)) continue;
      next.records.set(line.record.id, line);
      if (line.record.object === "audit.record") told.push(...count(line.record, next.spent));
    }
    // The mark of a batch that came before a loss does not hold after it.
    if (batch.mark !== undefined && losses === this.#losses)
      next.marks.set(batch.writer, batch.mark);
    const added = next.records.size - records.size;
    this.#snapshots = [...this.#snapshots, { epochMs: Date.now(), held: this.#held }].slice(
      -snapshotsMax,
    );
    this.#held = next;
    this.lines.push(...batch.lines);
    this.batches.push(batch);
    this.#changed.resolve(undefined);
    this.#changed = Promise.withResolvers();
    await this.after();
    return { added, spent: told, refused };
  }
}

function count(entry: AuditEntry, spent: Map<string, bigint>): BudgetSpent[] {
  const { tenant: tenantId, key, cost_nano_usd: nanoUsd } = entry;
  return periodIdsOf(Date.parse(entry.started_at)).flatMap((periodId) =>
    [undefined, key].map((keyId) => {
      const name = [tenantId, keyId, periodId].filter((part) => part !== undefined).join(" ");
      const spentNanoUsd = (spent.get(name) ?? 0n) + BigInt(nanoUsd);
      spent.set(name, spentNanoUsd);
      return { tenantId, keyId, periodId, spentNanoUsd };
    }),
  );
}
