import { usdText } from "../../lib/usd.ts";
import type { AuditAmendment } from "../../pipeline/audit/entry.ts";
import { evaluationKind, feedbackKind } from "../../pipeline/judge/scores/evaluation.ts";
import type { EvaluationData, FeedbackData } from "../../pipeline/judge/scores/evaluation.ts";

/** What was said of a request later, in a line. */
export function explainAmendment({ kind, data }: AuditAmendment): string {
  // What the gateway has written itself, as the schemas of its own version have it.
  if (kind === evaluationKind) return evaluationText(data);
  if (kind === feedbackKind) return feedbackText(data);
  return `${kind} ${JSON.stringify(data)}`;
}

function evaluationText(data: Readonly<Partial<EvaluationData>>): string {
  const { evaluator = "?", version, judge_model: model = "?", status, round = 1 } = data;
  const name = version === null || version === undefined ? evaluator : `${evaluator}@${version}`;
  const cost = `$${Number(usdText(data.cost_nano_usd ?? 0))}`;
  const said = status === "scored" ? scoreText(data) : (data.failure ?? status ?? "?");
  const again = round > 1 ? `, round ${round}` : "";
  const reason = data.reason === undefined ? "" : `: ${oneLine(data.reason)}`;
  return `${name} by ${model}: ${said} (${cost}${again})${reason}`;
}

const scoreText = ({ score = null, label, method }: Readonly<Partial<EvaluationData>>): string =>
  `${score?.toFixed(2) ?? "?"}, ${label ?? "?"}, ${method ?? "?"}`;

function feedbackText(data: Readonly<Partial<FeedbackData>>): string {
  const { score, label, comment, evaluator, user } = data;
  const about = evaluator === null || evaluator === undefined ? "" : ` on ${evaluator}`;
  const said = [score?.toString(), label, comment === null ? null : quoted(comment)];
  const words = said.filter((word) => word !== null && word !== undefined).join(", ");
  const by = user === null || user === undefined ? "" : ` (${oneLine(user)})`;
  return `feedback${about}: ${words}${by}`;
}

const quoted = (text: string | undefined): string | undefined =>
  text === undefined ? undefined : JSON.stringify(oneLine(text));

const shownMax = 200;
const oneLine = (text: string): string => {
  const line = text.replaceAll(/[\u0000-\u001f\u007f]+/g, " ");
  return line.length > shownMax ? `${line.slice(0, shownMax)}…` : line;
};
