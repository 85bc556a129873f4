import { usdText } from "../../../lib/usd.ts";
import type { UsageLedger } from "../../../pipeline/cost/usage-ledger.ts";
import type { CalibrationReport } from "../../../pipeline/judge/calibration/calibration-report.ts";
import { correctedMean } from "../../../pipeline/judge/calibration/corrected-mean.ts";
import type { CorrectedMean } from "../../../pipeline/judge/calibration/corrected-mean.ts";
import {
  feedbackMean,
  pairFigures,
  scoreFigures,
} from "../../../pipeline/judge/scores/judge-figures.ts";
import type { ScoreFigures } from "../../../pipeline/judge/scores/judge-figures.ts";
import {
  groupedByJudge,
  judgesApart,
  reportedRows,
  totalOf,
} from "../../../pipeline/judge/scores/judge-report.ts";
import type { ReportedRow } from "../../../pipeline/judge/scores/judge-report.ts";
import { judgeDimensions, otherEvaluator } from "../../../pipeline/judge/scores/judge-sums.ts";
import type { JudgeDimension, JudgeSums } from "../../../pipeline/judge/scores/judge-sums.ts";
import { bad } from "../../report-query.ts";
import type { ReportSpan } from "../../report-query.ts";

export interface JudgeUsageDeps {
  readonly usageLedger: Pick<UsageLedger, "judge">;
  /** The newest of this version of an evaluator with this model, if it was ever calibrated. */
  readonly calibrationOf: (
    evaluator: string,
    version: string,
    judgeModel: string,
  ) => CalibrationReport | undefined;
}

/** A report with more rows than this would be nobody's to read. */
const rowsMax = 50_000;

/** What `/v1/usage?metrics=judge` has beside tenant and time. */
export async function judgeUsage(
  { tenantId, span, groupBy }: JudgeUsageQuery,
  { usageLedger, calibrationOf }: JudgeUsageDeps,
): Promise<object> {
  const query = { tenantId, ...span, groupBy: judgesApart(groupBy) };
  const rows = await usageLedger.judge(query);
  if (rows.length > rowsMax) throw bad("group_by", `gives more than ${rowsMax} rows; ask for less`);
  const { feedback, ...totals } = totalOf(rows);
  return {
    metrics: "judge",
    group_by: groupBy,
    data: reportedRows(rows, groupBy).map((row) => present(row, calibrationOf)),
    totals: { ...counts({ feedback, ...totals }), feedback: { count: feedback } },
  };
}

export interface JudgeUsageQuery {
  readonly tenantId: string;
  readonly span: ReportSpan;
  /** As `readJudgeGroupBy` gives it. */
  readonly groupBy: readonly JudgeDimension[];
}

/** With `evaluator`, asked for or not. Throws `invalid_value`. */
export function readJudgeGroupBy(text: string | undefined): readonly JudgeDimension[] {
  const words = (text ?? "").split(",").flatMap((word) => (word.trim() === "" ? [] : word.trim()));
  if (words.includes("hour")) {
    throw bad("group_by", "cannot have hour here: evaluations are added up by day");
  }
  const found = judgeDimensions.filter((dimension) => words.includes(dimension));
  if (found.length < new Set(words).size) {
    throw bad(
      "group_by",
      `must be made of ${judgeDimensions.join(", ")}, with commas between them, for metrics=judge`,
    );
  }
  return groupedByJudge(found);
}

function present(row: ReportedRow, calibrationOf: JudgeUsageDeps["calibrationOf"]): object {
  const { group, sums, judges } = row;
  // Of several evaluators in one row there is no mean.
  const figures = group.evaluator === otherEvaluator ? unknown : scoreFigures(sums);
  const { moments, interval, lengthCorrelation } = figures;
  const correction = correctionOf(row, figures, calibrationOf);
  return {
    ...group,
    ...counts(sums),
    mean_score: rounded(moments?.mean),
    score_interval: interval && { low: rounded(interval.low), high: rounded(interval.high) },
    score_length_correlation: rounded(lengthCorrelation),
    judges: judges
      .slice(0, judgesShownMax)
      .map(({ version, model }) => ({ evaluator_version: version, judge_model: model })),
    corrected_mean: typeof correction === "string" ? null : shownCorrection(correction),
    corrected_mean_missing: typeof correction === "string" ? correction : null,
    feedback: feedbackOf(group.evaluator === otherEvaluator ? withoutPairs(sums) : sums),
  };
}

const withoutPairs = (sums: JudgeSums): JudgeSums => ({ ...sums, pairs: 0n });

const unknown: ScoreFigures = { moments: null, interval: null, lengthCorrelation: null };
const judgesShownMax = 20;

function counts(sums: JudgeSums): object {
  return {
    scored: sums.scored,
    sampled: sums.sampled,
    not_applicable: sums.not_applicable,
    failed: sums.failed,
    capped: sums.capped,
    same_family: sums.same_family,
    repaired: sums.repaired,
    cost_usd: usdText(sums.cost_nano_usd),
    cost_nano_usd: sums.cost_nano_usd,
  };
}

/** Or why there is none. */
function correctionOf(
  { group, judges }: ReportedRow,
  { moments }: ScoreFigures,
  calibrationOf: JudgeUsageDeps["calibrationOf"],
): CorrectedMean | "no_scores" | "several_judges" | "not_calibrated" | "too_little_known" {
  const [judge, second] = judges;
  if (moments === null || judge === undefined) return "no_scores";
  if (second !== undefined) return "several_judges";
  const report = calibrationOf(group.evaluator ?? "", judge.version, judge.model);
  if (report === undefined) return "not_calibrated";
  return correctedMean(report, moments) ?? "too_little_known";
}

function shownCorrection({ mean, low, high, method, is_clipped }: CorrectedMean): object {
  return { mean: rounded(mean), low: rounded(low), high: rounded(high), method, is_clipped };
}

function feedbackOf(sums: JudgeSums): object {
  const pairs = pairFigures(sums);
  return {
    count: sums.feedback,
    scored: sums.feedback_scored,
    mean_score: rounded(feedbackMean(sums)),
    // Of the same answers: what people and this evaluator said.
    pairs: pairs?.count ?? 0,
    human_mean: rounded(pairs?.humanMean),
    judge_mean: rounded(pairs?.judgeMean),
    mean_difference: rounded(pairs?.meanDifference),
    root_mean_square_difference: rounded(pairs?.rootMeanSquareDifference),
    agreement: rounded(pairs?.agreement),
  };
}

/** Six digits; null where there is none. */
const rounded = (value: number | null | undefined): number | null =>
  value === null || value === undefined ? null : Math.round(value * 1e6) / 1e6;
