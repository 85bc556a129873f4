import { bootstrapDefaults } from "../../../lib/statistics/bootstrap.ts";
import { pearson } from "../../../lib/statistics/correlation.ts";
import { momentsOf } from "../../../lib/statistics/moments.ts";
import { lengthOf, positionOf } from "./calibration-bias.ts";
import type { CalibrationItem } from "./calibration-item.ts";
import { bothOrders, kappasOf } from "./calibration-kappas.ts";
import type { BinaryReport, CalibrationReport, ScoresReport } from "./calibration-report.ts";
import { classesOf, humanScoreOf } from "./compared-item.ts";
import type { Classes, ComparedItem, Scale } from "./compared-item.ts";

export interface Calibration {
  readonly evaluator: Scale;
  readonly items: readonly CalibrationItem[];
  readonly resamples?: number | undefined;
  readonly seed?: number | undefined;
}

/** How well a judge agrees with humans. Pure; some 50 ms for a thousand items. */
export function calibrationOf({
  evaluator,
  items,
  resamples = bootstrapDefaults.resamples,
  seed = bootstrapDefaults.seed,
}: Calibration): CalibrationReport {
  const isPair = evaluator.subject === "pair";
  const sorted = sortOut(evaluator, items);
  const { compared, classes } = sorted;
  const weighting = evaluator.isOrdinal && classes.count > 2 ? "quadratic" : "none";
  const placeOf = (label: string): number | undefined => classes.judge({ label, score: null });
  const kappas = kappasOf(compared, {
    // One more than there are, for orders that disagree where an evaluator has no word for that.
    labels: classes.count + 1,
    weighting,
    disagreed: placeOf("tie") ?? placeOf("different") ?? classes.count,
    resamples,
    seed,
  });
  return {
    items: items.length,
    compared: compared.length,
    failed: sorted.failed,
    not_applicable: sorted.notApplicable,
    undecided: sorted.undecided,
    accuracy: accuracyOf(compared),
    weighting,
    kappa: kappas.given,
    kappa_both_orders: isPair ? kappas.bothOrders : null,
    kappa_verdict: isPair ? kappas.verdict : null,
    position: isPair ? positionOf(sorted.judged) : null,
    length: lengthOf(evaluator, sorted.judged),
    scores: scoresOf(evaluator, sorted.judged),
    binary: binaryOf(evaluator, sorted.judged),
    resamples,
    seed,
  };
}

interface Sorted {
  /** Both said something, and it applies. */
  readonly judged: readonly CalibrationItem[];
  /** Of those, where both can be told to be one of the classes. */
  readonly compared: readonly ComparedItem[];
  readonly classes: Classes;
  readonly failed: number;
  readonly notApplicable: CalibrationReport["not_applicable"];
  readonly undecided: number;
}

function sortOut(evaluator: Scale, items: readonly CalibrationItem[]): Sorted {
  const scoreless = new Set(
    evaluator.labels.filter(({ score }) => score === null).map(({ label }) => label),
  );
  const answered = items.filter(({ status }) => status !== "failed");
  const humanSaysNot = (item: CalibrationItem): boolean => scoreless.has(item.human_label ?? "");
  const judgeSaysNot = ({ status }: CalibrationItem): boolean => status === "not_applicable";
  const judged = answered.filter((item) => !humanSaysNot(item) && !judgeSaysNot(item));
  const classes = classesOf(evaluator, judged);
  const compared = judged.flatMap((item) => comparedItem(item, classes));
  const countOf = (isCounted: (item: CalibrationItem) => boolean): number =>
    answered.filter(isCounted).length;
  return {
    judged,
    compared,
    classes,
    failed: items.length - answered.length,
    notApplicable: {
      both: countOf((item) => humanSaysNot(item) && judgeSaysNot(item)),
      human: countOf((item) => humanSaysNot(item) && !judgeSaysNot(item)),
      judge: countOf((item) => !humanSaysNot(item) && judgeSaysNot(item)),
    },
    undecided: judged.length - compared.length,
  };
}

function comparedItem(item: CalibrationItem, classes: Classes): readonly ComparedItem[] {
  const human = classes.human(item);
  const judge = classes.judge(item);
  if (human === undefined || judge === undefined) return [];
  const swapped = item.label_swapped;
  const judgeSwapped =
    swapped === null ? undefined : classes.judge({ label: swapped, score: null });
  return [{ item, human, judge, judgeSwapped }];
}

/** Each order counts, and each pair as much as any other. */
function accuracyOf(compared: readonly ComparedItem[]): number | null {
  const shares = compared.map((each) => {
    const verdicts = bothOrders(each);
    return verdicts.filter((verdict) => verdict === each.human).length / verdicts.length;
  });
  return momentsOf(shares)?.mean ?? null;
}

/** Means say something only where the evaluator has more than one score to give. */
function scoresOf(evaluator: Scale, judged: readonly CalibrationItem[]): ScoresReport | null {
  if (scoresAmong(evaluator).size === 1) return null;
  const points = judged.flatMap((item) => {
    const human = humanScoreOf(evaluator, item);
    return human === null || item.score === null ? [] : [[human, item.score] as const];
  });
  const differences = momentsOf(points.map(([human, judge]) => human - judge));
  const human = momentsOf(points.map(([score]) => score));
  const judge = momentsOf(points.map(([, score]) => score));
  if (differences === null || human === null || judge === null) return null;
  return {
    count: differences.count,
    human_mean: human.mean,
    judge_mean: judge.mean,
    difference_mean: differences.mean,
    difference_variance: differences.variance,
    correlation: pearson(points),
  };
}

/** Null for an evaluator with other scores than 0 and 1, and where verdicts were weighted into something between. */
function binaryOf(evaluator: Scale, judged: readonly CalibrationItem[]): BinaryReport | null {
  const scores = scoresAmong(evaluator);
  if (scores.size !== 2 || !scores.has(0) || !scores.has(1)) return null;
  const counts = { true_positives: 0, false_negatives: 0, true_negatives: 0, false_positives: 0 };
  for (const item of judged) {
    const human = humanScoreOf(evaluator, item);
    if (item.score !== 0 && item.score !== 1) return null;
    if (human === null || human === 0.5) continue;
    if (human > 0.5) counts[item.score === 1 ? "true_positives" : "false_negatives"]++;
    else counts[item.score === 0 ? "true_negatives" : "false_positives"]++;
  }
  return counts;
}

const scoresAmong = ({ labels }: Scale): ReadonlySet<number> =>
  new Set(labels.flatMap(({ score }) => (score === null ? [] : [score])));
