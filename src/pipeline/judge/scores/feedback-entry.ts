import type { AuditAmendment, AuditEntry } from "../../audit/entry.ts";
import type { StoredRecord } from "../../audit/audit-log.ts";
import { unknownModel } from "../../cost/usage-ledger.ts";
import { evaluationKind, feedbackKind } from "./evaluation.ts";
import type { EvaluationData, FeedbackData, JudgedRequest } from "./evaluation.ts";
import { feedbackId } from "./evaluation-id.ts";

/** What somebody said of an answer. */
export type Feedback = Pick<
  FeedbackData,
  "score" | "label" | "comment" | "evaluator" | "user" | "key"
>;

export interface FeedbackToWrite {
  readonly tenantId: string;
  readonly requestId: string;
  readonly feedback: Feedback;
  /** The client's `Idempotency-Key`, or something that never comes again. */
  readonly idempotencyKey: string;
  /** Undefined where it could not be looked up. */
  readonly record: StoredRecord | undefined;
  readonly nowMs: number;
}

/** How feedback is written down: an amendment of its request. Pure. */
export function feedbackEntry(given: FeedbackToWrite): AuditAmendment {
  const { tenantId, requestId, feedback, record, idempotencyKey: key } = given;
  const data: FeedbackData = {
    ...feedback,
    judged: (record && feedback.evaluator && judgedBy(feedback.evaluator, record)) || null,
    request: record === undefined ? null : judgedRequest(JSON.parse(record.text) as AuditEntry),
  };
  return {
    id: feedbackId({ requestId, tenantId, key }),
    object: "audit.amendment",
    request_id: requestId,
    tenant: tenantId,
    at: new Date(given.nowMs).toISOString(),
    kind: feedbackKind,
    data: { ...data },
  };
}

/** A request as the ledger groups it. */
const judgedRequest = (entry: AuditEntry): JudgedRequest => ({
  key: entry.key,
  model: entry.route === null ? unknownModel : entry.model,
  served_model: entry.served_model,
  provider: entry.provider,
});

/** What the evaluator said last of this answer, if it gave a score. */
function judgedBy(evaluator: string, record: StoredRecord): FeedbackData["judged"] {
  const said = amendmentsOf(record).findLast(
    ({ kind, data }) =>
      kind === evaluationKind && data["evaluator"] === evaluator && data["status"] === "scored",
  );
  if (said === undefined) return null;
  const { version, judge_model, score } = said.data as Partial<EvaluationData>;
  if (typeof version !== "string" || typeof judge_model !== "string") return null;
  return typeof score === "number" ? { version, judge_model, score } : null;
}

/** What was said later of a request. Its texts are what was parsed before it was kept. */
export const amendmentsOf = ({ amendments }: StoredRecord): readonly AuditAmendment[] =>
  amendments.map((text) => JSON.parse(text) as AuditAmendment);
