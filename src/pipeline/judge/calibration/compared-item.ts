import type { CalibrationItem } from "./calibration-item.ts";
import type { Evaluator } from "../evaluators/evaluator.ts";

/** What calibrating needs of an evaluator. */
export interface Scale extends Pick<Evaluator, "subject" | "isOrdinal"> {
  readonly labels: readonly { readonly label: string; readonly score: number | null }[];
}

/** An item that a human and a judge both decided, in the places of a list of classes. */
export interface ComparedItem {
  readonly item: CalibrationItem;
  readonly human: number;
  readonly judge: number;
  /** Of pairs: what the other order said. */
  readonly judgeSwapped: number | undefined;
}

/** What two opinions are compared by: labels, or the scores that labels have where humans gave scores. */
export interface Classes {
  readonly count: number;
  human(item: CalibrationItem): number | undefined;
  judge(opinion: {
    readonly label: string | null;
    readonly score: number | null;
  }): number | undefined;
}

/**
 * By labels where every human gave one; otherwise by scores, a human's being the nearest that the evaluator has. A
 * mean of several humans right between two is neither.
 */
export function classesOf({ labels }: Scale, items: readonly CalibrationItem[]): Classes {
  const scored = labels.filter((each) => each.score !== null);
  return items.every(({ human_label: human }) => human !== null)
    ? byLabel(scored)
    : byScore(scored, labels);
}

/** The mean of several humans, where there is one, says more than the label that it is nearest to. */
export const humanScoreOf = ({ labels }: Scale, item: CalibrationItem): number | null =>
  item.human_score ?? labels.find(({ label }) => label === item.human_label)?.score ?? null;

function byLabel(labels: Scale["labels"]): Classes {
  const places = new Map(labels.map(({ label }, place) => [label, place]));
  const levels = labels.map(({ score }) => score ?? 0);
  return {
    count: labels.length,
    human: ({ human_label: label }) => places.get(label ?? ""),
    judge: ({ label, score }) => (label === null ? nearest(levels, score) : places.get(label)),
  };
}

function byScore(labels: Scale["labels"], all: Scale["labels"]): Classes {
  const levels = [...new Set(labels.map(({ score }) => score ?? 0))].sort((a, b) => a - b);
  const scoreOf = new Map(all.map(({ label, score }) => [label, score]));
  return {
    count: levels.length,
    human: ({ human_label: label, human_score: score }) =>
      nearest(levels, label === null ? score : (scoreOf.get(label) ?? null)),
    judge: ({ label, score }) =>
      nearest(levels, label === null ? score : (scoreOf.get(label) ?? null)),
  };
}

/** Undefined without a score, without a level, and right between two levels. */
function nearest(levels: readonly number[], score: number | null): number | undefined {
  if (score === null || levels.length === 0) return undefined;
  const distances = levels.map((level) => Math.abs(level - score));
  const least = Math.min(...distances);
  const near = distances.flatMap((distance, at) => (distance - least < 1e-9 ? [at] : []));
  return near.length === 1 ? near[0] : undefined;
}
