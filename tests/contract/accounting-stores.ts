import type { AuditEntry } from "../../src/pipeline/audit/entry.ts";
import type { AuditLog, StoredRecord } from "../../src/pipeline/audit/audit-log.ts";
import type { UsageLedger } from "../../src/pipeline/cost/usage-ledger.ts";
import type { JournalSink } from "../../src/stores/disk/journal-sink.ts";
import { MemoryBooks } from "../support/memory-books.ts";
import { knownRequest, sumsOf } from "./accounting-reference.ts";
import type { Accounts, KnownRequest } from "./accounting-reference.ts";

/** A store of the books that outlives the processes of a model run. */
export interface ModelStore extends AsyncDisposable {
  readonly name: string;
  /** For one process. */
  open(): Promise<JournalSink>;
  shown(): Promise<Shown>;
  /** Everything in it is gone. Whether the sink finds that out by itself, or must be told by its operator. */
  readonly loss: { readonly isNoticed: boolean; lose(): Promise<void> };
  /** What it took last is gone, and it says so; returns the ids of the records that are still there. */
  loseLast?(batches: number): readonly string[];
  /** What it alone can check, after all processes have ended; a sentence for each thing that is wrong. */
  problems?(): Promise<readonly string[]>;
}

export interface Shown extends Accounts {
  readonly records: readonly Omit<StoredRecord, "amendments">[];
}

export const modelTenants = ["acme", "globex"] as const;

export function memoryModelStore(name: string): ModelStore {
  const books = new MemoryBooks(name);
  return {
    name,
    open: () => Promise.resolve(books.open()),
    shown: () => {
      const requests = new Map(books.entries.map((entry) => [entry.id, knownRequest(entry)]));
      const lines = [...books.held.records.values()];
      const amendments = lines.flatMap(({ record }) =>
        record.object === "audit.amendment" ? [record.id] : [],
      );
      const { spent } = books.held;
      const records = lines.map(({ record, text, chain }) => ({ id: record.id, text, ...chain }));
      const { ledger } = sumsOf(requests);
      return Promise.resolve({ requests, amendments: new Set(amendments), ledger, spent, records });
    },
    loseLast: (batches) => books.loseLast(batches),
    loss: {
      isNoticed: true,
      lose: () => {
        books.loseAll();
        return Promise.resolve();
      },
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

const pageLimit = 100;
const dayMs = 24 * 3_600_000;
const yearMs = 366 * dayMs;

/** What a store shows by its readers, as the API reads them. */
export async function shownBy(auditLog: AuditLog, ledger: UsageLedger): Promise<Shown> {
  const [fromMs, toMs] = [Date.now() - yearMs, Date.now() + yearMs];
  const requests = new Map<string, KnownRequest>();
  const amendments = new Set<string>();
  const records: StoredRecord[] = [];
  const sums = new Map<string, bigint>();
  for (const tenantId of modelTenants) {
    for (const record of await allRecords(auditLog, { tenantId, fromMs, toMs })) {
      if (requests.has(record.id)) throw new Error(`${record.id} is shown twice.`);
      requests.set(record.id, knownRequest(JSON.parse(record.text) as AuditEntry));
      records.push(record);
      for (const text of record.amendments) amendments.add((JSON.parse(text) as AuditEntry).id);
    }
    for (const { group, sums: row } of await ledger.usage({
      tenantId,
      fromMs,
      toMs,
      groupBy: ["key"],
    })) {
      const name = `${tenantId} ${group.key ?? ""}`;
      sums.set(name, row.exact_nano_usd + row.estimated_nano_usd);
      sums.set(`${name} hits`, row.cache_hits);
      sums.set(`${name} saved nano-dollars`, row.saved_nano_usd);
      sums.set(`${name} saved input`, row.saved_input_tokens);
      sums.set(`${name} saved output`, row.saved_output_tokens);
    }
  }
  const spent = new Map<string, bigint>();
  for (let daysAgo = 0; daysAgo <= 3; daysAgo += 1) {
    for (const each of await ledger.budgetsSpent(Date.now() - daysAgo * dayMs)) {
      const { tenantId, keyId, periodId } = each;
      const name = [tenantId, keyId, periodId].filter((part) => part !== undefined).join(" ");
      spent.set(name, each.spentNanoUsd);
    }
  }
  return { requests, amendments, ledger: sums, spent, records };
}

async function allRecords(
  auditLog: AuditLog,
  span: { readonly tenantId: string; readonly fromMs: number; readonly toMs: number },
): Promise<StoredRecord[]> {
  const records: StoredRecord[] = [];
  let after: string | undefined;
  do {
    const page = await auditLog.list({ ...span, limit: pageLimit, after });
    records.push(...page.records);
    after = page.next;
  } while (after !== undefined);
  return records;
}
