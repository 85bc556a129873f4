import type { EvaluationData } from "../../../src/pipeline/judge/scores/evaluation.ts";
import { conductFor, nameOf, scoreFor } from "./judge-script.ts";
import type { JudgeConduct } from "./judge-script.ts";

/** What the judge's conduct explains, and nothing else. Undefined: all is well. */
export function evaluationProblem(
  label: string,
  evaluation: EvaluationData,
  costs: ReadonlyMap<string, ReadonlySet<bigint>>,
): string | undefined {
  const conduct = conductFor({ label, evaluator: evaluation.evaluator });
  const problem =
    evaluation.status === "failed"
      ? failedProblem(label, evaluation, conduct)
      : scoredProblem(label, evaluation, conduct, costs);
  return problem && `by ${evaluation.evaluator}, of a judge that is ${conduct}, ${problem}`;
}

function failedProblem(
  label: string,
  { failure, score, calls, cost_nano_usd: cost }: EvaluationData,
  conduct: JudgeConduct,
): string | undefined {
  if (score !== null) return `failed, and has the score ${score}`;
  if (calls === 0 && cost !== 0) return `cost ${cost} nano-dollars without a call`;
  if (failure === "daily_cap" && label.startsWith("capped-")) return undefined;
  return failure === failures[conduct] ? undefined : `failed for ${failure ?? "nothing"}`;
}

function scoredProblem(
  label: string,
  {
    evaluator,
    status,
    score,
    method,
    is_repaired: isRepaired,
    cost_nano_usd: cost,
  }: EvaluationData,
  conduct: JudgeConduct,
  costs: ReadonlyMap<string, ReadonlySet<bigint>>,
): string | undefined {
  const asked = { label, evaluator };
  if (failures[conduct] !== undefined) return `is ${status}`;
  const wanted = scoreFor(asked);
  if (status !== "scored" || score !== wanted)
    return `is ${status} ${score ?? "null"}, not ${wanted}`;
  if (isRepaired !== (conduct === "prose")) return "is wrong about its repair";
  if (method !== (conduct === "weighted" ? "logprobs" : "single"))
    return `was found by ${method ?? "nothing"}`;
  // At least: a repaired one is paid for twice, and one whose worker was thought dead may be.
  const paid = [...(costs.get(nameOf(asked)) ?? [])];
  const isPaid = paid.some((nanoUsd) => BigInt(cost) >= nanoUsd);
  return isPaid ? undefined : `cost ${cost} nano-dollars, and no verdict on it is so cheap`;
}

const failures: Readonly<Record<JudgeConduct, EvaluationData["failure"] | undefined>> = {
  plain: undefined,
  weighted: undefined,
  prose: undefined,
  limited: undefined,
  failing: undefined,
  invalid: "invalid_output",
  refusing: "refused",
  rejecting: "bad_request",
};
