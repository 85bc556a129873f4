import type { AuditEntry } from "../../../pipeline/audit/entry.ts";
import type { EntryCount } from "../../../pipeline/cost/count-entry.ts";
import { usageSums } from "../../../pipeline/cost/usage-ledger.ts";
import { periodIdsOf } from "../../../pipeline/limits/budget-periods.ts";
import type { SqlValue } from "../protocol.ts";
import { dayMs } from "./day-files.ts";

export type UsageTable = "usage_hours" | "usage_days" | "tag_days";

export interface UsageRow {
  readonly table: UsageTable;
  /** Of its dimensions, in the table's order. */
  readonly values: readonly SqlValue[];
  /** In the order of `usageSums`. */
  readonly sums: readonly bigint[];
}

export interface SpentRow {
  readonly tenantId: string;
  readonly keyId: string | undefined;
  readonly periodId: string;
  readonly nanoUsd: bigint;
}

/** Requests of one hour that differ in nothing that is counted apart. */
interface Alike {
  readonly entry: AuditEntry;
  readonly count: EntryCount;
  readonly hour: number;
  readonly day: number;
  readonly sums: Sums;
}

const hourMs = 3_600_000;

/** What a batch adds to the ledger, each row once. Runs once per record: budget 3 µs. */
export class LedgerSums {
  readonly #alike = new Map<string, Alike>();
  readonly #tags = new Map<string, { readonly values: readonly SqlValue[]; readonly sums: Sums }>();

  /** `tags`: the rows of tags that it is in. */
  add(entry: AuditEntry, count: EntryCount, tags: Iterable<string>): void {
    const { tenant, key } = entry;
    const { startedEpochMs, model, servedModel, provider } = count;
    const hour = Math.floor(startedEpochMs / hourMs);
    const day = Math.floor(startedEpochMs / dayMs);
    // With the lengths no two can be taken for one another, whatever is in the names.
    const lengths = `${hour} ${tenant.length} ${key.length} ${model.length} ${servedModel.length}`;
    const name = `${lengths} ${tenant}${key}${model}${servedModel}${provider}`;
    let alike = this.#alike.get(name);
    if (alike === undefined) {
      alike = { entry, count, hour, day, sums: new Sums() };
      this.#alike.set(name, alike);
    }
    alike.sums.add(count);
    for (const tag of tags) {
      const values = [tenant, day, tag, model];
      sumsIn(this.#tags, values).add(count);
    }
  }

  usage(): UsageRow[] {
    const days = new Map<string, { readonly values: readonly SqlValue[]; readonly sums: Sums }>();
    const rows: UsageRow[] = [];
    for (const { entry, count, hour, day, sums } of this.#alike.values()) {
      const names = [entry.key, count.model, count.servedModel, count.provider];
      rows.push({
        table: "usage_hours",
        values: [entry.tenant, hour, ...names],
        sums: sums.totals(),
      });
      sumsIn(days, [entry.tenant, day, ...names]).addSums(sums);
    }
    for (const { values, sums } of days.values()) {
      rows.push({ table: "usage_days", values, sums: sums.totals() });
    }
    for (const { values, sums } of this.#tags.values()) {
      rows.push({ table: "tag_days", values, sums: sums.totals() });
    }
    return rows;
  }

  /** What was spent, of each period that the requests are in, by the tenant as a whole and by each key. */
  spent(): SpentRow[] {
    const rows = new Map<string, SpentRow>();
    for (const { entry, count, sums } of this.#alike.values()) {
      const nanoUsd = sums.total("exact_nano_usd") + sums.total("estimated_nano_usd");
      if (nanoUsd === 0n) continue;
      for (const keyId of [undefined, entry.key]) {
        for (const periodId of periodIdsOf(count.startedEpochMs)) {
          const name = JSON.stringify([periodId, entry.tenant, keyId]);
          const before = rows.get(name)?.nanoUsd ?? 0n;
          const row = { tenantId: entry.tenant, keyId, periodId, nanoUsd: before + nanoUsd };
          rows.set(name, row);
        }
      }
    }
    return [...rows.values()];
  }
}

function sumsIn(
  rows: Map<string, { readonly values: readonly SqlValue[]; readonly sums: Sums }>,
  values: readonly SqlValue[],
): Sums {
  const name = JSON.stringify(values);
  let row = rows.get(name);
  if (row === undefined) {
    row = { values, sums: new Sums() };
    rows.set(name, row);
  }
  return row.sums;
}

type SumName = (typeof usageSums)[number];

/** Exact sums: counted as numbers, and carried over into `bigint` before they are too large for that. */
class Sums {
  readonly #numbers = usageSums.map(() => 0);
  readonly #carried = usageSums.map(() => 0n);

  add({ sums }: EntryCount): void {
    for (let index = 0; index < usageSums.length; index += 1) {
      const more = sums[usageSums[index] as SumName];
      if (more !== 0) this.#addNumber(index, more);
    }
  }

  addSums(others: Sums): void {
    for (const [index, more] of others.totals().entries()) {
      this.#carried[index] = (this.#carried[index] ?? 0n) + more;
    }
  }

  totals(): bigint[] {
    return this.#carried.map((carried, index) => carried + BigInt(this.#numbers[index] ?? 0));
  }

  total(name: SumName): bigint {
    return this.totals()[usageSums.indexOf(name)] ?? 0n;
  }

  #addNumber(index: number, more: number): void {
    const before = this.#numbers[index] ?? 0;
    const sum = before + more;
    if (Number.isSafeInteger(sum)) {
      this.#numbers[index] = sum;
    } else {
      this.#carried[index] = (this.#carried[index] ?? 0n) + BigInt(before);
      this.#numbers[index] = more;
    }
  }
}
