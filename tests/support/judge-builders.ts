import type { AuditAmendment, AuditEntry } from "../../src/pipeline/audit/entry.ts";
import type { EvaluationData, FeedbackData } from "../../src/pipeline/judge/scores/evaluation.ts";
import { evaluationId, feedbackId } from "../../src/pipeline/judge/scores/evaluation-id.ts";

export const requestOf = ({ key, model, served_model, provider }: AuditEntry) => ({
  key,
  model,
  served_model,
  provider,
});

/** What an evaluator came to for a request, as a worker writes it down. */
export function anEvaluation(
  of: AuditEntry,
  different: Partial<EvaluationData> = {},
): AuditAmendment {
  const data: EvaluationData = {
    evaluator: "relevance",
    version: "0123456789ab",
    judge_model: "judge-1",
    status: "scored",
    failure: null,
    score: 0.75,
    label: "4",
    method: "single",
    samples: 1,
    is_repaired: false,
    same_family: false,
    answer_characters: 400,
    sampled_by: "rate",
    cost_nano_usd: 1_500,
    calls: 1,
    round: 1,
    request: requestOf(of),
    ...different,
  };
  const { evaluator, round } = data;
  return {
    id: evaluationId({ requestId: of.id, evaluator, round }),
    object: "audit.amendment",
    request_id: of.id,
    tenant: of.tenant,
    at: new Date(Date.parse(of.started_at) + 5_000).toISOString(),
    kind: "evaluation",
    data: { ...data },
  };
}

let feedbackCount = 0;

/** What a person said of it. */
export function aFeedback(of: AuditEntry, different: Partial<FeedbackData> = {}): AuditAmendment {
  feedbackCount += 1;
  const data: FeedbackData = {
    score: 1,
    label: null,
    comment: null,
    evaluator: null,
    judged: null,
    user: null,
    key: of.key,
    request: requestOf(of),
    ...different,
  };
  return {
    id: feedbackId({ requestId: of.id, tenantId: of.tenant, key: `key ${feedbackCount}` }),
    object: "audit.amendment",
    request_id: of.id,
    tenant: of.tenant,
    at: new Date(Date.parse(of.started_at) + 60_000 + feedbackCount).toISOString(),
    kind: "feedback",
    data: { ...data },
  };
}

export const judgedBefore = (score: number): FeedbackData["judged"] => ({
  version: "0123456789ab",
  judge_model: "judge-1",
  score,
});
