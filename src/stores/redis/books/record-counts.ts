import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import { countEntry } from "../../../pipeline/cost/count-entry.ts";
import type { UsageSum } from "../../../pipeline/cost/usage-ledger.ts";
import { isTenantId, startOf } from "./keys.ts";

/** What one record adds to the books. Zeros are left out. */
export interface RecordCounts {
  readonly startedEpochMs: number;
  /** The ledger's word for it: of what no route was found for, it is not the client's. */
  readonly model: string;
  readonly sums: readonly (readonly [UsageSum, number])[];
}

/** Throws an `UncountableRecord`, with a sentence, for what can never be counted. */
export function countsOf(entry: AuditEntry): RecordCounts {
  const startedEpochMs = typeof entry.id === "string" ? startOf(entry.id) : undefined;
  if (startedEpochMs === undefined) throw new UncountableRecord("its id is no ULID");
  checkNames(entry);
  const { model, sums } = countEntry(entry);
  // `requests` comes first: it is that by which the script knows a field that it has seen.
  const counted = Object.entries(sums) as [UsageSum, number][];
  const wrong = counted.find(([, amount]) => !Number.isSafeInteger(amount) || amount < 0);
  if (wrong !== undefined) throw new UncountableRecord(`${wrong[0]} is no whole number from 0`);
  return { startedEpochMs, model, sums: counted.filter(([, amount]) => amount !== 0) };
}

export class UncountableRecord extends Error {
  override readonly name = "UncountableRecord";
}

const costStatuses: readonly string[] = ["exact", "estimated", "unpriced"];

/** The types say what Sentinel writes; the journal is a file, and a later version may have written it. */
function checkNames(entry: AuditEntry): void {
  if (typeof entry.tenant !== "string" || !isTenantId(entry.tenant)) {
    throw new UncountableRecord("its tenant is none");
  }
  const names: readonly unknown[] = [entry.key, entry.model, entry.outcome];
  if (names.some((name) => typeof name !== "string")) {
    throw new UncountableRecord("its key, model or outcome is no text");
  }
  const others: readonly unknown[] = [entry.served_model, entry.provider];
  if (others.some((name) => name !== null && typeof name !== "string")) {
    throw new UncountableRecord("its served model or provider is no text");
  }
  if (!costStatuses.includes(entry.cost_status)) {
    throw new UncountableRecord("its cost status is unknown");
  }
  const { tags, cache }: { readonly tags: unknown; readonly cache: unknown } = entry;
  if (!isObject(cache)) throw new UncountableRecord("its cache is missing");
  if (!isObject(tags) || Object.values(tags).some((value) => typeof value !== "string")) {
    throw new UncountableRecord("its tags are no texts");
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null;
