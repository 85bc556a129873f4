import { judgeDimensions, judgeSums, noJudgeSums } from "./judge-sums.ts";
import type { JudgeDimension, JudgeRow, JudgeSum, JudgeSums } from "./judge-sums.ts";

/** A row as it was asked for, and which judges' scores are in it. */
export interface ReportedRow extends JudgeRow {
  /** Those whose scores are in its mean. Two versions of an evaluator are two evaluators: their mean is of neither. */
  readonly judges: readonly JudgeVersion[];
}

export interface JudgeVersion {
  readonly version: string;
  readonly model: string;
}

/** In their order, and by evaluator in any case: the mean of two evaluators means nothing. */
export const groupedByJudge = (groupBy: readonly JudgeDimension[]): readonly JudgeDimension[] =>
  judgeDimensions.filter((name) => name === "evaluator" || groupBy.includes(name));

/** What has to be asked of the ledger, so that it is known which judges are in a row. */
export const judgesApart = (groupBy: readonly JudgeDimension[]): readonly JudgeDimension[] => [
  ...new Set<JudgeDimension>([...groupBy, "evaluator_version", "judge_model"]),
];

/** Puts rows of `judgesApart` together again, in the order in which they come. */
export function reportedRows(
  rows: readonly JudgeRow[],
  groupBy: readonly JudgeDimension[],
): readonly ReportedRow[] {
  const found = new Map<string, { readonly row: ReportedRow; readonly parts: JudgeRow[] }>();
  for (const row of rows) {
    const group = Object.fromEntries(groupBy.map((dimension) => [dimension, row.group[dimension]]));
    const name = JSON.stringify(group);
    const parts = found.get(name)?.parts ?? [];
    parts.push(row);
    found.set(name, { row: { group, sums: totalOf(parts), judges: judgesOf(parts) }, parts });
  }
  return [...found.values()].map(({ row }) => row);
}

export function totalOf(rows: readonly JudgeRow[]): JudgeSums {
  const sums: Record<JudgeSum, bigint> = noJudgeSums();
  for (const row of rows) for (const name of judgeSums) sums[name] += row.sums[name];
  return sums;
}

const judgesOf = (rows: readonly JudgeRow[]): JudgeVersion[] =>
  rows.flatMap(({ group, sums }) =>
    sums.sampled === 0n
      ? []
      : { version: group.evaluator_version ?? "", model: group.judge_model ?? "" },
  );
