import { spearman } from "../../../lib/statistics/correlation.ts";
import type { Point } from "../../../lib/statistics/correlation.ts";
import { wilsonInterval } from "../../../lib/statistics/wilson.ts";
import type { CalibrationItem } from "./calibration-item.ts";
import type { LengthReport, PositionReport } from "./calibration-report.ts";
import { humanScoreOf } from "./compared-item.ts";
import type { Scale } from "./compared-item.ts";

/** Whether it matters to a judge of pairs which one it is shown first. */
export function positionOf(judged: readonly CalibrationItem[]): PositionReport {
  const both = judged.filter(({ label, label_swapped: other }) => label !== null && other !== null);
  const agreeing = both.filter(({ label, label_swapped: other }) => label === other).length;
  const interval = wilsonInterval({ hits: agreeing, trials: both.length });
  // In the other order the second one was shown first.
  const isFirstShown = both.flatMap(({ label, label_swapped: other }) => [
    ...preference(label).map((which) => which === "first"),
    ...preference(other).map((which) => which === "second"),
  ]);
  return {
    pairs: both.length,
    agreeing,
    agreement: both.length === 0 ? null : agreeing / both.length,
    low: interval?.low ?? null,
    high: interval?.high ?? null,
    first_shown_preferred: shareOf(isFirstShown),
  };
}

/** Whether longer answers fare better, with the judge and with humans: what both like is no bias. */
export function lengthOf(scale: Scale, judged: readonly CalibrationItem[]): LengthReport | null {
  return scale.subject === "pair" ? lengthOfPairs(scale, judged) : lengthOfAnswers(scale, judged);
}

function lengthOfPairs({ labels }: Scale, judged: readonly CalibrationItem[]): LengthReport | null {
  // Whether two answers say the same is no question of which is better.
  if (!labels.some(({ label }) => label === "first")) return null;
  const told = judged.flatMap(({ human_label: human, label, label_swapped: other, characters }) => {
    const [first = 0, second = 0] = characters;
    if (characters.length < 2 || first === second) return [];
    const longer = first > second ? "first" : "second";
    const isLonger = (said: string | null): readonly boolean[] =>
      preference(said).map((which) => which === longer);
    return [{ judge: [...isLonger(label), ...isLonger(other)], human: isLonger(human) }];
  });
  return {
    judge_correlation: null,
    human_correlation: null,
    judge_prefers_longer: shareOf(told.flatMap(({ judge }) => judge)),
    human_prefers_longer: shareOf(told.flatMap(({ human }) => human)),
  };
}

function lengthOfAnswers(scale: Scale, judged: readonly CalibrationItem[]): LengthReport {
  const against = (scoreOf: (item: CalibrationItem) => number | null): number | null =>
    spearman(
      judged.flatMap((item): readonly Point[] => {
        const score = scoreOf(item);
        const [length] = item.characters;
        return score === null || length === undefined ? [] : [[score, length]];
      }),
    );
  return {
    judge_correlation: against(({ score }) => score),
    human_correlation: against((item) => humanScoreOf(scale, item)),
    judge_prefers_longer: null,
    human_prefers_longer: null,
  };
}

/** Which of two a verdict prefers; nothing of a tie. */
const preference = (label: string | null): readonly ("first" | "second")[] =>
  label === "first" || label === "second" ? [label] : [];

const shareOf = (answers: readonly boolean[]): number | null =>
  answers.length === 0 ? null : answers.filter(Boolean).length / answers.length;
