import { noJudgeSums } from "../../../pipeline/judge/scores/judge-sums.ts";
import type {
  JudgeDimension,
  JudgeQuery,
  JudgeRow,
  JudgeSum,
} from "../../../pipeline/judge/scores/judge-sums.ts";
import type { RedisConnection } from "../open.ts";
import { sumOfJudgeCode } from "./judge-fields.ts";
import { bookKeys, dayMs, isTenantId } from "./keys.ts";
import { nameOfPart } from "./name-part.ts";
import { byValues, startsIn } from "./usage-rows.ts";

/** So many days are read at once: a year is four round trips. */
const daysAtOnce = 100;

/** Sums of a tenant's days, grouped. */
export async function judgeRows(
  redis: RedisConnection,
  query: JudgeQuery,
  nowMs: number,
): Promise<readonly JudgeRow[]> {
  if (!isTenantId(query.tenantId)) return [];
  const table = new JudgeTable(query.groupBy);
  const days = startsIn(query, dayMs, nowMs);
  for (let at = 0; at < days.length; at += daysAtOnce) {
    const some = days.slice(at, at + daysAtOnce);
    const pipeline = redis.client.pipeline();
    for (const startMs of some) pipeline.hgetall(bookKeys(query.tenantId, startMs).judge);
    const replies = (await pipeline.exec()) ?? [];
    for (const [index, startMs] of some.entries()) {
      const [error, fields] = replies[index] ?? [null, {}];
      if (error !== null) throw error;
      for (const [field, amount] of Object.entries(fields as Readonly<Record<string, string>>)) {
        table.add(startMs, field, amount);
      }
    }
  }
  return table.rows();
}

interface GrowingRow {
  readonly values: readonly string[];
  readonly sums: Record<JudgeSum, bigint>;
}

/** In the order in which the fields' parts stand. */
const partNames = [
  "key",
  "model",
  "served_model",
  "provider",
  "evaluator",
  "evaluator_version",
  "judge_model",
] as const satisfies readonly JudgeDimension[];

class JudgeTable {
  readonly #dimensions: readonly JudgeDimension[];
  readonly #rows = new Map<string, GrowingRow>();

  constructor(dimensions: readonly JudgeDimension[]) {
    this.#dimensions = dimensions;
  }

  /** What has other parts is no sum. */
  add(startMs: number, field: string, amount: string): void {
    const parts = field.split("|");
    const sum = sumOfJudgeCode.get(parts.at(-1) ?? "");
    if (parts.length !== partNames.length + 1 || sum === undefined) return;
    const values = this.#dimensions.map((dimension) =>
      dimension === "day"
        ? new Date(startMs).toISOString().slice(0, 10)
        : nameOfPart(parts[partNames.indexOf(dimension)] ?? ""),
    );
    const name = JSON.stringify(values);
    const row = this.#rows.get(name) ?? { values, sums: noJudgeSums() };
    row.sums[sum] += BigInt(amount);
    this.#rows.set(name, row);
  }

  rows(): JudgeRow[] {
    return [...this.#rows.values()].sort(byValues).map(({ values, sums }) => ({
      group: Object.fromEntries(this.#dimensions.map((dimension, at) => [dimension, values[at]])),
      sums,
    }));
  }
}
