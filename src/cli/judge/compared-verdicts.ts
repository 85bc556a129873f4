import { anchorsMax } from "../../pipeline/judge/calibration/anchor.ts";
import type { Anchor } from "../../pipeline/judge/calibration/anchor.ts";
import type { CalibrationItem } from "../../pipeline/judge/calibration/calibration-item.ts";
import type { JudgeEvaluator } from "./judge-client.ts";
import type { JudgedItem } from "./judge-items.ts";
import type { FileKind, LabelledItem } from "./labelled-item.ts";
import { spread } from "./read-labelled.ts";
import { charactersOf } from "./recorded.ts";

/** An item and what became of it, without the text. */
export function calibrationItem({ item, verdict }: JudgedItem): CalibrationItem {
  const human = { human_label: item.humanLabel, human_score: item.humanScore };
  const characters = charactersOf(item);
  if (verdict === null) {
    return {
      ...human,
      status: "failed",
      label: null,
      score: null,
      label_swapped: null,
      characters,
    };
  }
  const { status, label, score, label_swapped } = verdict;
  return { ...human, status, label, score, label_swapped, characters };
}

/** All anchors together, as JSON: with the items they are one body of the admin API, which takes 1 MiB. */
const anchorBytesMax = 400_000;
/** One that is longer takes the place of several others. */
const anchorBytesEach = 20_000;

/**
 * Items to judge again each day: as many of each label that humans gave, from all over the file, always the same ones.
 * Only those that the judge came to a score for, since it is its scores that may drift.
 */
export function chooseAnchors(items: readonly JudgedItem[], count: number): readonly Anchor[] {
  const byHuman = new Map<string, Anchor[]>();
  for (const judged of items) {
    const anchor = anchorOf(judged);
    if (anchor === undefined || bytesOf(anchor) > anchorBytesEach) continue;
    const group = anchor.human_label ?? String(anchor.human_score);
    const sameLabel = byHuman.get(group);
    if (sameLabel === undefined) byHuman.set(group, [anchor]);
    else sameLabel.push(anchor);
  }
  const most = Math.min(count, anchorsMax);
  const queues = evenShares([...byHuman.values()], most).map(({ list, share }) =>
    spread(list, share),
  );
  const chosen: Anchor[] = [];
  let bytes = 0;
  // In turns, so that a full body has as many of each as well.
  for (let turn = 0; queues.some((queue) => queue.length > turn); turn++) {
    for (const anchor of queues.flatMap((queue) => queue.slice(turn, turn + 1))) {
      if (bytes + bytesOf(anchor) > anchorBytesMax) continue;
      bytes += bytesOf(anchor);
      chosen.push(anchor);
    }
  }
  return chosen;
}

/** What small lists cannot fill is shared among the others. */
function evenShares<Entry>(
  lists: readonly (readonly Entry[])[],
  count: number,
): readonly { readonly list: readonly Entry[]; readonly share: number }[] {
  let left = count;
  return [...lists]
    .sort((a, b) => a.length - b.length)
    .map((list, at) => {
      const share = Math.min(list.length, Math.ceil(left / (lists.length - at)));
      left -= share;
      return { list, share };
    });
}

function anchorOf({ item, verdict }: JudgedItem): Anchor | undefined {
  if (verdict?.status !== "scored") return undefined;
  const { label, score, label_swapped } = verdict;
  const { subject, humanLabel: human_label, humanScore: human_score } = item;
  return { subject, human_label, human_score, status: "scored", label, score, label_swapped };
}

const bytesOf = (anchor: Anchor): number => Buffer.byteLength(JSON.stringify(anchor));

/** Why an evaluator cannot be held against these items, if so; before anything is paid for. */
export function mismatch(
  evaluator: JudgeEvaluator,
  kind: FileKind,
  items: readonly LabelledItem[],
): string | undefined {
  const labels = evaluator.labels.map(({ label }) => label);
  const needed = { pair: "first", equivalence: "same", answer: undefined }[kind];
  const asked = { pair: "which of two is better", equivalence: "whether two say the same" };
  if (kind === "answer" && evaluator.subject === "pair") {
    return `${evaluator.name} compares two answers, and the file has one a line.`;
  }
  if (kind !== "answer" && (evaluator.subject === "answer" || !labels.includes(needed ?? ""))) {
    return `${evaluator.name} does not say ${asked[kind]}, which is what the file has labels for.`;
  }
  const unknown = items.find(({ humanLabel: label }) => label !== null && !labels.includes(label));
  if (unknown === undefined) return undefined;
  const all = labels.join(", ");
  return `The label ${unknown.humanLabel ?? ""} of the file is none of ${evaluator.name}: it says ${all}. Scores from 0 to 1 are given as human_score.`;
}
