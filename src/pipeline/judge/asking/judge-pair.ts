import type { Evaluator, EvaluatorLabel, JudgedPair } from "../evaluators/evaluator.ts";
import { measure } from "./measure.ts";
import type { Measured, MeasureTools } from "./measure.ts";
import type { ScoredVerdict } from "./verdict.ts";

export interface Comparing {
  readonly evaluator: Evaluator;
  readonly model: string;
  readonly judged: JudgedPair;
}

export type ComparedPair =
  | (Extract<Measured, { kind: "scored" }> & Pick<ScoredVerdict, "ordersAgree" | "orders">)
  | Exclude<Measured, { kind: "scored" }>;

/**
 * Judges like one place better than the other: what they say in one order alone is no verdict. Where the orders disagree
 * it is a tie or, of pairs that are the same or different, different. The second is asked only if the first came to something.
 * (Wang et al. 2023, "Large Language Models are not Fair Evaluators", https://arxiv.org/abs/2305.17926)
 */
export async function judgeInBothOrders(
  comparing: Comparing,
  tools: MeasureTools,
): Promise<ComparedPair> {
  const given = await judgeInOneOrder(comparing, "given", tools);
  if (given.kind !== "scored") return given;
  const swapped = await judgeInOneOrder(comparing, "swapped", tools);
  if (swapped.kind !== "scored") return swapped;
  const orders = { given: given.label, swapped: swapped.label };
  const shared = {
    ...given,
    method: given.method === swapped.method ? given.method : "single",
    samples: given.samples + swapped.samples,
    isRepaired: given.isRepaired || swapped.isRepaired,
    orders,
  } as const;
  if (given.label === swapped.label) {
    return { ...shared, score: (given.score + swapped.score) / 2, ordersAgree: true };
  }
  return { ...shared, ...undecided(comparing.evaluator), ordersAgree: false };
}

/** Whatever the order, the verdict is on the pair as it was given. */
export async function judgeInOneOrder(
  { evaluator, model, judged }: Comparing,
  order: "given" | "swapped",
  tools: MeasureTools,
): Promise<Measured> {
  if (order === "given") return measure({ evaluator, model, judged }, tools);
  const swapped = { ...judged, first: judged.second, second: judged.first };
  const verdict = await measure({ evaluator, model, judged: swapped }, tools);
  if (verdict.kind !== "scored" || !isPreference(evaluator)) return verdict;
  return { ...verdict, label: otherPlace(verdict.label), score: 1 - verdict.score };
}

/** Otherwise it asks whether the two are the same, which has no order. */
const isPreference = ({ labels }: Evaluator): boolean =>
  labels.some(({ label }) => label === "first");

function otherPlace(label: string): string {
  if (label === "first") return "second";
  return label === "second" ? "first" : label;
}

function undecided({ labels }: Evaluator): { readonly label: string; readonly score: number } {
  const scored = labels.filter(
    (label): label is EvaluatorLabel & { readonly score: number } => label.score !== null,
  );
  const tie = scored.find(({ label }) => label === "tie");
  const { label, score } = tie ??
    scored.toSorted((left, right) => left.score - right.score)[0] ?? { label: "tie", score: 0.5 };
  return { label, score };
}
