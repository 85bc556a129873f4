import type { Ask } from "./ask-judge.ts";
import { failedFor } from "./call-failure.ts";
import type { Evaluator, Judged } from "../evaluators/evaluator.ts";
import { judgeInBothOrders, judgeInOneOrder } from "./judge-pair.ts";
import { measure } from "./measure.ts";
import type { ModelLimits } from "./model-limits.ts";
import { spendMeter } from "./spend.ts";
import type { Verdict } from "./verdict.ts";

export interface JudgeTask {
  readonly evaluator: Evaluator;
  /** The judge. */
  readonly model: string;
  readonly judged: Judged;
  /** Of pairs: `one` costs half, and cannot tell a preference for a place; which it is is left to chance. */
  readonly orders?: "both" | "one";
  readonly ask: Ask;
  readonly signal: AbortSignal;
}

export interface JudgeTools {
  /** Of this gateway or worker, for all that it judges. */
  readonly limits: ModelLimits;
  /** In [0, 1). */
  readonly random: () => number;
  /** Another one each time, which nobody can guess (`fresh-nonce.ts`). */
  readonly nonce: () => string;
}

/**
 * Has a model judge a text, or a pair of texts in both orders. Never rejects, and never makes a score up: whatever is not
 * exactly a verdict is a failure that says which it was.
 */
export async function judge(
  { evaluator, model, judged, orders = "both", ask, signal }: JudgeTask,
  { limits, random, nonce }: JudgeTools,
): Promise<Verdict> {
  const meter = spendMeter();
  const tools = { ask, limits, meter, signal, nonce };
  if (evaluator.subject !== judged.subject) {
    return { ...failedFor("bad_request"), spend: meter.total() };
  }
  if (judged.subject === "answer") {
    const verdict = await measure({ evaluator, model, judged }, tools);
    return { ...verdict, spend: meter.total() };
  }
  const comparing = { evaluator, model, judged };
  const verdict =
    orders === "both"
      ? await judgeInBothOrders(comparing, tools)
      : await judgeInOneOrder(comparing, random() < 0.5 ? "given" : "swapped", tools);
  return { ...verdict, spend: meter.total() };
}
