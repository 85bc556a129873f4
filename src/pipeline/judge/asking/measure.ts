import type { JsonObject } from "../../../lib/json-text.ts";
import { askJudge } from "./ask-judge.ts";
import type { AskTools } from "./ask-judge.ts";
import { failedFor } from "./call-failure.ts";
import type { Failed } from "./call-failure.ts";
import type { Evaluator, EvaluatorLabel, Judged } from "../evaluators/evaluator.ts";
import { judgeRequest, repairRequest } from "./prompt.ts";
import { readVerdict } from "./read-verdict.ts";
import type { NoVerdict, SaidVerdict } from "./read-verdict.ts";
import type { NotApplicable, ScoredVerdict } from "./verdict.ts";
import { weighedScore } from "./weigh.ts";

/** One text, or one pair in one order. */
export interface Measuring {
  readonly evaluator: Evaluator;
  readonly model: string;
  readonly judged: Judged;
}

export interface MeasureTools extends AskTools {
  /** Another one each time, which nobody can guess. */
  readonly nonce: () => string;
}

/** A verdict on one text or order, without what was paid for it. */
export type Measured =
  Omit<ScoredVerdict, "spend" | "ordersAgree" | "orders"> | Omit<NotApplicable, "spend"> | Failed;

/** An answer of the judge that is a verdict. */
interface Reply {
  readonly kind: "reply";
  readonly said: SaidVerdict;
  readonly weighed: number | undefined;
  readonly isRepaired: boolean;
}

/**
 * Gets a verdict: weighted where there are log-probabilities, otherwise of as many answers as the evaluator wants. Only
 * the first is repaired; of the others those that are none are left out. Never rejects.
 */
export async function measure(measuring: Measuring, tools: MeasureTools): Promise<Measured> {
  const first = await firstReply(measuring, tools);
  // A judge that cannot be asked, or will not say, is not asked again; one that cannot write JSON may do so once.
  if (first.kind === "failed" && first.failure !== "invalid_output") return first;
  if (first.kind === "reply" && first.weighed !== undefined) return fromOne(first, first.weighed);
  const more = Array.from({ length: measuring.evaluator.parameters.samples - 1 }, () =>
    anotherReply(measuring, tools),
  );
  const replies = [first, ...(await Promise.all(more))].filter((each) => each.kind === "reply");
  const [only, ...others] = replies;
  if (only === undefined) return first.kind === "failed" ? first : failedFor("invalid_output");
  return others.length === 0 ? fromOne(only, only.said.label.score) : fromSeveral(replies);
}

function fromOne({ said, weighed, isRepaired }: Reply, score: number | null): Measured {
  const { label, reason } = said;
  if (label.score === null || score === null) {
    return { kind: "not_applicable", label: label.label, reason, isRepaired };
  }
  const method = weighed === undefined ? "single" : "logprobs";
  return { kind: "scored", score, label: label.label, method, samples: 1, reason, isRepaired };
}

/** The mean of those that have a score, if they are the most; the label that most say, nearest to the mean. */
function fromSeveral(replies: readonly Reply[]): Measured {
  const scored = replies.flatMap((reply) => {
    const { score } = reply.said.label;
    return score === null ? [] : [{ reply, score }];
  });
  const isRepaired = replies.some((reply) => reply.isRepaired);
  if (scored.length * 2 <= replies.length) {
    const said = replies.map((reply) => reply.said).find(({ label }) => label.score === null);
    const { label, reason } = said ?? { label: { label: "" }, reason: "" };
    return { kind: "not_applicable", label: label.label, reason, isRepaired };
  }
  const mean = scored.reduce((sum, { score }) => sum + score, 0) / scored.length;
  const label = mostSaid(
    scored.map(({ reply }) => reply.said.label),
    mean,
  );
  const reason = scored.find(({ reply }) => reply.said.label === label)?.reply.said.reason ?? "";
  return {
    kind: "scored",
    // Rounding must not take it out of its range.
    score: Math.min(1, Math.max(0, mean)),
    label: label?.label ?? "",
    method: "mean",
    samples: scored.length,
    reason,
    isRepaired,
  };
}

function mostSaid(labels: readonly EvaluatorLabel[], mean: number): EvaluatorLabel | undefined {
  const countOf = (label: EvaluatorLabel): number =>
    labels.filter((other) => other === label).length;
  const distanceOf = ({ score }: EvaluatorLabel): number => Math.abs((score ?? mean) - mean);
  return [...new Set(labels)].toSorted(
    (left, right) => countOf(right) - countOf(left) || distanceOf(left) - distanceOf(right),
  )[0];
}

/** With one repair. */
async function firstReply(
  { evaluator, model, judged }: Measuring,
  tools: MeasureTools,
): Promise<Reply | Failed> {
  const request = judgeRequest(evaluator, model, judged, tools.nonce());
  const reply = await replyTo(request, { evaluator, model }, tools);
  if (reply.kind !== "invalid") return reply;
  const repair = repairRequest(evaluator, request, reply, tools.nonce());
  const repaired = await replyTo(repair, { evaluator, model }, tools);
  if (repaired.kind === "invalid") return failedFor("invalid_output");
  return repaired.kind === "reply" ? { ...repaired, isRepaired: true } : repaired;
}

function anotherReply(
  { evaluator, model, judged }: Measuring,
  tools: MeasureTools,
): Promise<Reply | NoVerdict | Failed> {
  const request = judgeRequest(evaluator, model, judged, tools.nonce());
  return replyTo(request, { evaluator, model }, tools);
}

async function replyTo(
  request: JsonObject,
  { evaluator, model }: Omit<Measuring, "judged">,
  tools: MeasureTools,
): Promise<Reply | NoVerdict | Failed> {
  const asked = await askJudge(model, request, tools);
  if (asked.kind === "failed") return asked;
  const said = readVerdict(asked.value, evaluator);
  if (said.kind === "refused") return failedFor("refused");
  if (said.kind === "invalid") return said;
  const canBeWeighed = evaluator.parameters.logprobs && said.label.score !== null;
  const weighed = canBeWeighed ? weighedScore(asked.value, said, evaluator) : undefined;
  return { kind: "reply", said, weighed, isRepaired: false };
}
