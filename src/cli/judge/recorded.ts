import type { CalibrationItem } from "../../pipeline/judge/calibration/calibration-item.ts";
import type { Scale } from "../../pipeline/judge/calibration/compared-item.ts";
import type { FileKind, LabelledItem, Recorded } from "./labelled-item.ts";

/** Who has verdicts in the file, in the order in which they come up. */
export const recordersOf = (items: readonly LabelledItem[]): readonly string[] => [
  ...new Set(items.flatMap(({ recorded }) => [...recorded.keys()])),
];

/** What a recorder said of the items that it was asked about, as if it were an evaluator. */
export function recordedItems(
  items: readonly LabelledItem[],
  recorder: string,
  { labels }: Scale,
): readonly CalibrationItem[] {
  const scoreOf = new Map(labels.map(({ label, score }) => [label, score]));
  return items.flatMap((item) => {
    const said = item.recorded.get(recorder);
    if (said === undefined) return [];
    const isNothing = said.label === null && said.score === null;
    return {
      human_label: item.humanLabel,
      human_score: item.humanScore,
      status: isNothing ? ("failed" as const) : ("scored" as const),
      label: said.label,
      score: said.score ?? scoreOf.get(verdictOf(said, item.kind)) ?? null,
      label_swapped: said.labelSwapped,
      characters: charactersOf(item),
    };
  });
}

/** Two orders that disagree are a tie, and no proof that two answers say the same. */
function verdictOf({ label, labelSwapped }: Recorded, kind: FileKind): string {
  if (labelSwapped === null || label === labelSwapped) return label ?? "";
  return kind === "pair" ? "tie" : "different";
}

export const charactersOf = ({ subject }: Pick<LabelledItem, "subject">): readonly number[] =>
  subject.kind === "answer"
    ? [subject.answer.length]
    : [subject.first.length, subject.second.length];

/** The labels that a recorder could say, as far as the file shows them. */
export function recordedScale(kind: FileKind, items: readonly LabelledItem[]): Scale {
  if (kind === "pair") return { subject: "pair", isOrdinal: false, labels: preferenceLabels };
  if (kind === "equivalence") {
    return { subject: "pair", isOrdinal: false, labels: equivalenceLabels };
  }
  const said = items.flatMap(({ humanLabel, humanScore, recorded }) => [
    { label: humanLabel, score: humanScore },
    ...recorded.values(),
  ]);
  const isByLabels = items.every(({ humanLabel }) => humanLabel !== null);
  return isByLabels
    ? labelScale(new Set(said.flatMap(({ label }) => (label === null ? [] : [label]))))
    : scoreScale(new Set(said.flatMap(({ score }) => (score === null ? [] : [score]))));
}

const preferenceLabels = [
  { label: "first", score: 1 },
  { label: "tie", score: 0.5 },
  { label: "second", score: 0 },
];

const equivalenceLabels = [
  { label: "different", score: 0 },
  { label: "same", score: 1 },
];

/** Numbers are in an order, and worth as much as they are far apart. What words are worth the file does not say. */
function labelScale(labels: ReadonlySet<string>): Scale {
  const numbers = [...labels].map(Number).sort((a, b) => a - b);
  const [low = 0] = numbers;
  const range = (numbers.at(-1) ?? 0) - low;
  if (numbers.some(Number.isNaN) || range === 0) {
    const scores = [...labels].sort().map((label) => ({ label, score: 1 }));
    return { subject: "answer", isOrdinal: false, labels: scores };
  }
  const ordered = [...labels].sort((a, b) => Number(a) - Number(b));
  return {
    subject: "answer",
    isOrdinal: true,
    labels: ratingsOf(ordered, { low, range }).map((label) => ({
      label,
      score: (Number(label) - low) / range,
    })),
  };
}

/** A scale has no more. */
const ratingsMax = 101;

/**
 * Of whole numbers all that lie between, whether somebody said them or not: κ counts how many labels two are apart, and
 * from 1 to 5 is as far where nobody ever said 3. Two labels are two: they are a yes and a no as well.
 */
function ratingsOf(ordered: readonly string[], { low, range }: RatingRange): readonly string[] {
  const areRatings =
    ordered.length > 2 && range < ratingsMax && ordered.every((label) => /^\d+$/.test(label));
  if (!areRatings || new Set(ordered.map(Number)).size < ordered.length) return ordered;
  const said = new Map(ordered.map((label) => [Number(label), label]));
  return Array.from({ length: range + 1 }, (_, at) => said.get(low + at) ?? String(low + at));
}

interface RatingRange {
  readonly low: number;
  readonly range: number;
}

/** More than this are no labels, but a measure: then there is no accuracy and no κ. */
const levelsMax = 11;

function scoreScale(scores: ReadonlySet<number>): Scale {
  const levels = scores.size > levelsMax ? [] : [...scores].sort((a, b) => a - b);
  const labels = levels.map((score) => ({ label: String(score), score }));
  return { subject: "answer", isOrdinal: true, labels };
}
