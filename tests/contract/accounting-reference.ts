import type { AuditEntry, AuditRecord } from "../../src/pipeline/audit/entry.ts";
import type { StartRecord } from "../../src/pipeline/journal.ts";
import { periodIdsOf } from "../../src/pipeline/limits/budget-periods.ts";
import { isBefore } from "../../src/stores/disk/feeder-positions.ts";
import type { JournalLine, JournalPosition } from "../../src/stores/disk/journal-line.ts";

/** A request, as far as money is concerned. */
export interface KnownRequest {
  readonly tenant: string;
  readonly key: string;
  readonly startedAt: string;
  readonly outcome: string;
  readonly nanoUsd: number;
  /** What the cache saved; undefined where it did not answer. */
  readonly saved: KnownSavings | undefined;
}

export interface KnownSavings {
  readonly nanoUsd: number;
  /** Not known of what older versions wrote down. */
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** What a store has to show, and what it does show. */
export interface Accounts {
  /** By id. */
  readonly requests: ReadonlyMap<string, KnownRequest>;
  readonly amendments: ReadonlySet<string>;
  /** By `tenant key`, with what the cache saved by `tenant key hits`, `tenant key saved …`. */
  readonly ledger: ReadonlyMap<string, bigint>;
  /** By `tenant period` and `tenant key period`. */
  readonly spent: ReadonlyMap<string, bigint>;
}

interface Appended {
  readonly writer: string;
  readonly end: JournalPosition;
}

/**
 * What must be true, worked out as simply as can be: what was appended, what of it a power cut took away, and what
 * each store was given before. The first word on a request is the one that counts.
 */
export class AccountingReference {
  readonly #starts = new Map<string, Appended & { readonly start: StartRecord }>();
  readonly #records = new Map<string, Appended & { readonly record: AuditRecord }>();
  /** By store, then by id: the first word that it was given. */
  readonly #given = new Map<string, Map<string, AuditRecord>>();

  started(start: StartRecord, at: Appended): void {
    this.#starts.set(start.id, { ...at, start });
  }

  /** Returns false for a request that has its record. */
  recorded(record: AuditRecord, at: Appended): boolean {
    if (this.#records.has(record.id)) return false;
    this.#records.set(record.id, { ...at, record });
    return true;
  }

  given(store: string, lines: readonly JournalLine[]): void {
    const first = this.#given.get(store) ?? new Map<string, AuditRecord>();
    this.#given.set(store, first);
    for (const line of lines) {
      if (line.kind !== "record" || first.has(line.record.id)) continue;
      first.set(line.record.id, line.record);
    }
  }

  /** It has only these records any more. */
  lost(store: string, kept: Iterable<string> = []): void {
    const ids = new Set(kept);
    const left = [...(this.#given.get(store) ?? [])].filter(([id]) => ids.has(id));
    this.#given.set(store, new Map(left));
  }

  /** Nothing of this writer after the place is there any more. */
  powerCut(writer: string, place: JournalPosition): void {
    for (const lines of [this.#starts, this.#records]) {
      for (const [id, line] of lines) {
        if (line.writer === writer && isBefore(place, line.end)) lines.delete(id);
      }
    }
  }

  /** What a store must show when no process runs that has not recorded its requests, and it has been given everything. */
  expected(store: string): Accounts {
    const first = this.#given.get(store) ?? new Map<string, AuditRecord>();
    const requests = new Map<string, KnownRequest>();
    const amendments = new Set<string>();
    const put = (record: AuditRecord): void => {
      if (record.object === "audit.amendment") amendments.add(record.id);
      else requests.set(record.id, knownRequest(record));
    };
    for (const { start } of this.#starts.values()) requests.set(start.id, interrupted(start));
    // A store keeps what the journal lost with the power, as it heard it first.
    for (const record of first.values()) put(record);
    // But nothing is `interrupted` that has its record in the journal.
    for (const { record } of this.#records.values()) put(record);
    return { requests, amendments, ...sumsOf(requests) };
  }
}

export function knownRequest(entry: AuditEntry): KnownRequest {
  const { tenant, key, started_at: startedAt, outcome, cost_nano_usd: nanoUsd } = entry;
  return { tenant, key, startedAt, outcome, nanoUsd, saved: knownSavings(entry) };
}

function knownSavings({ cache }: AuditEntry): KnownSavings | undefined {
  if (cache.outcome !== "exact" && cache.outcome !== "semantic") return undefined;
  return {
    nanoUsd: cache.saved_nano_usd,
    inputTokens: cache.saved_input_tokens ?? 0,
    outputTokens: cache.saved_output_tokens ?? 0,
  };
}

function interrupted({ id, tenant, key, input_nano_usd: nanoUsd }: StartRecord): KnownRequest {
  const startedAt = startedAtOf(id);
  return { tenant, key, startedAt, outcome: "interrupted", nanoUsd, saved: undefined };
}

/** The time in an id, as records have it. */
export const startedAtOf = (id: string): string => new Date(epochMsOf(id)).toISOString();

/** Written out here, so that the model does not rest on what it tests: Crockford's base 32, ten characters. */
function epochMsOf(id: string): number {
  const digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  return Array.from(id.slice(0, 10)).reduce((sum, digit) => sum * 32 + digits.indexOf(digit), 0);
}

export function sumsOf(
  requests: ReadonlyMap<string, KnownRequest>,
): Pick<Accounts, "ledger" | "spent"> {
  const ledger = new Map<string, bigint>();
  const spent = new Map<string, bigint>();
  const add = (sums: Map<string, bigint>, name: string, nanoUsd: number): void => {
    sums.set(name, (sums.get(name) ?? 0n) + BigInt(nanoUsd));
  };
  for (const { tenant, key, startedAt, nanoUsd, saved } of requests.values()) {
    add(ledger, `${tenant} ${key}`, nanoUsd);
    add(ledger, `${tenant} ${key} hits`, saved === undefined ? 0 : 1);
    add(ledger, `${tenant} ${key} saved nano-dollars`, saved?.nanoUsd ?? 0);
    add(ledger, `${tenant} ${key} saved input`, saved?.inputTokens ?? 0);
    add(ledger, `${tenant} ${key} saved output`, saved?.outputTokens ?? 0);
    for (const period of periodIdsOf(Date.parse(startedAt))) {
      add(spent, `${tenant} ${period}`, nanoUsd);
      add(spent, `${tenant} ${key} ${period}`, nanoUsd);
    }
  }
  return { ledger, spent };
}
