import { usageSums } from "../../../pipeline/cost/usage-ledger.ts";
import type {
  UsageDimension,
  UsageQuery,
  UsageRow,
  UsageSum,
} from "../../../pipeline/cost/usage-ledger.ts";
import type { RedisConnection } from "../open.ts";
import { bookKeys, dayMs, hourMs, hourStartMs, isTenantId } from "./keys.ts";
import { nameOfPart } from "./name-part.ts";
import { sumOfCode } from "./usage-fields.ts";
import { usageDays } from "./window.ts";

/** So many hours are read at once: a year is 88 round trips. */
const hoursAtOnce = 100;

/** Sums of a tenant's hours, or days, grouped. */
export async function usageRows(
  redis: RedisConnection,
  query: UsageQuery,
  nowMs: number,
): Promise<readonly UsageRow[]> {
  if (!isTenantId(query.tenantId)) return [];
  const table = new UsageTable(query.groupBy);
  const isByTag = query.groupBy.includes("tag");
  const stepMs = isByTag ? dayMs : hourMs;
  const starts = startsIn(query, stepMs, nowMs);
  for (let at = 0; at < starts.length; at += hoursAtOnce) {
    const some = starts.slice(at, at + hoursAtOnce);
    const pipeline = redis.client.pipeline();
    for (const startMs of some) {
      const { usage: hours, tags } = bookKeys(query.tenantId, startMs);
      pipeline.hgetall(isByTag ? tags : hours);
    }
    const replies = (await pipeline.exec()) ?? [];
    for (const [index, startMs] of some.entries()) addHash(table, startMs, replies[index]);
  }
  return table.rows();
}

function addHash(
  table: UsageTable,
  startMs: number,
  [error, fields]: readonly [Error | null, unknown] = [null, {}],
): void {
  if (error !== null) throw error;
  for (const [field, amount] of Object.entries(fields as Readonly<Record<string, string>>)) {
    table.add(startMs, field, amount);
  }
}

/** The hours, or days, that begin in the query's range and may be there. */
export function startsIn(
  { fromMs, toMs }: Pick<UsageQuery, "fromMs" | "toMs">,
  stepMs: number,
  nowMs: number,
): number[] {
  const oldestMs = hourStartMs(nowMs) - (usageDays + 1) * dayMs;
  const first = Math.ceil(Math.max(fromMs, oldestMs) / stepMs) * stepMs;
  const end = Math.min(toMs, nowMs + dayMs);
  const count = Math.max(0, Math.ceil((end - first) / stepMs));
  return Array.from({ length: count }, (_, index) => first + index * stepMs);
}

interface GrowingRow {
  readonly values: readonly string[];
  readonly sums: Record<UsageSum, bigint>;
}

class UsageTable {
  readonly #dimensions: readonly UsageDimension[];
  readonly #rows = new Map<string, GrowingRow>();

  constructor(dimensions: readonly UsageDimension[]) {
    this.#dimensions = dimensions;
  }

  /** `key|model|served|provider|sum` or `tag|model|sum`; what has other parts is no sum. */
  add(startMs: number, field: string, amount: string): void {
    const parts = field.split("|");
    const [first = "", second = "", third = "", fourth = "", fifth = ""] = parts;
    if (parts.length === 3) this.#add(startMs, { tag: first, model: second }, third, amount);
    if (parts.length !== 5) return;
    const names = { key: first, model: second, served_model: third, provider: fourth };
    this.#add(startMs, names, fifth, amount);
  }

  rows(): UsageRow[] {
    return [...this.#rows.values()].sort(byValues).map(({ values, sums }) => ({
      group: Object.fromEntries(this.#dimensions.map((dimension, at) => [dimension, values[at]])),
      sums,
    }));
  }

  #add(
    startMs: number,
    parts: Partial<Record<UsageDimension, string>>,
    code: string,
    amount: string,
  ): void {
    const sum = sumOfCode.get(code);
    if (sum === undefined) return;
    const values = this.#dimensions.map((dimension) => valueOf(dimension, startMs, parts));
    const name = JSON.stringify(values);
    const row = this.#rows.get(name) ?? { values, sums: noSums() };
    row.sums[sum] += BigInt(amount);
    this.#rows.set(name, row);
  }
}

function valueOf(
  dimension: UsageDimension,
  startMs: number,
  parts: Partial<Record<UsageDimension, string>>,
): string {
  switch (dimension) {
    case "hour":
      return new Date(startMs).toISOString().replace(".000Z", "Z");
    case "day":
      return new Date(startMs).toISOString().slice(0, 10);
    case "model":
    case "served_model":
    case "provider":
    case "key":
    case "tag":
      return nameOfPart(parts[dimension] ?? "");
  }
}

const noSums = (): Record<UsageSum, bigint> =>
  Object.fromEntries(usageSums.map((sum) => [sum, 0n])) as Record<UsageSum, bigint>;

export function byValues(
  left: { readonly values: readonly string[] },
  right: { readonly values: readonly string[] },
): number {
  for (const [at, value] of left.values.entries()) {
    const other = right.values[at] ?? "";
    if (value !== other) return value < other ? -1 : 1;
  }
  return 0;
}
