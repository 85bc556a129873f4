import { randomUUID } from "node:crypto";

import { Hono } from "hono";
import type { Context } from "hono";
import { z } from "zod";

import { mustBe, strictFields, text } from "../../../config/field-types.ts";
import { Failure } from "../../../errors.ts";
import { idEpochMs } from "../../../lib/ids.ts";
import type { AuditLog, StoredRecord } from "../../../pipeline/audit/audit-log.ts";
import type { AuditAmendment } from "../../../pipeline/audit/entry.ts";
import { feedbackKind } from "../../../pipeline/judge/scores/evaluation.ts";
import { amendmentsOf, feedbackEntry } from "../../../pipeline/judge/scores/feedback-entry.ts";
import type { Feedback } from "../../../pipeline/judge/scores/feedback-entry.ts";
import { scoreMiddle } from "../../../pipeline/judge/scores/judge-sums.ts";
import type { Journal } from "../../../pipeline/journal.ts";
import type { Caller } from "../../../tenants/tenant.ts";
import type { AppEnv } from "../../context.ts";
import { checkAdminJson } from "../../read-admin-json.ts";
import { parseBody, readBody } from "../../read-body.ts";
import { bad } from "../../report-query.ts";

export interface FeedbackRoutesDeps {
  readonly auditLog: Pick<AuditLog, "get">;
  readonly journal: Pick<Journal, "record">;
  /** Resolves when what was settled so far can be read, or after a moment. */
  readonly settled: () => Promise<void>;
  readonly nowMs: () => number;
  /** Whether there is an evaluator of this name, so that what clients make up fills no sums. */
  readonly isEvaluator: (name: string) => boolean;
  /** Somebody did not like an answer. Must not throw. */
  readonly onNegative: (complaint: NegativeFeedback) => void;
}

export interface NegativeFeedback {
  readonly caller: Caller;
  readonly requestId: string;
  /** Undefined where it could not be looked up. */
  readonly record: StoredRecord | undefined;
}

/** `POST /v1/feedback`: what people say of an answer becomes a part of its record. For keys that may call models. */
export function feedbackRoutes(deps: FeedbackRoutesDeps): Hono<AppEnv> {
  const routes = new Hono<AppEnv>();
  routes.post("/", async (c) => {
    const identity = c.get("identity");
    if (identity.kind !== "key") throw new Failure("permission_denied", "Use a tenant's key.");
    const { caller } = identity;
    const { requestId, feedback } = await readFeedback(c, caller.keyId);
    if (feedback.evaluator !== null && !deps.isEvaluator(feedback.evaluator)) {
      throw bad("evaluator", "is not known; leave it out for feedback on the answer in general");
    }
    const record = await findRecord(caller.tenantId, requestId, deps);
    const entry = feedbackEntry({
      tenantId: caller.tenantId,
      requestId,
      feedback,
      idempotencyKey: readIdempotencyKey(c) ?? randomUUID(),
      record,
      nowMs: deps.nowMs(),
    });
    const before = record === undefined ? [] : amendmentsOf(record);
    const same = before.find(({ id }) => id === entry.id);
    if (same !== undefined) return c.json(shown(same, record), 201);
    refuseTooMany(before);
    deps.journal.record(entry);
    if (feedback.score !== null && feedback.score < scoreMiddle) {
      deps.onNegative({ caller, requestId, record });
    }
    return c.json(shown(entry, record), 201);
  });
  return routes;
}

const bodyLimits = {
  bodyBytesMax: 64 * 1024,
  jsonDepthMax: 8,
  /** The server's own limit holds. */
  bodyMs: Number.POSITIVE_INFINITY,
};
const labelMax = 256;
const commentMax = 4_000;
const userMax = 256;
const idempotencyKeyMax = 256;
const feedbackPerRequestMax = 100;

const scoreRule = 'must be a number from 0 to 1, "up", "down", true or false';
const scoreError = mustBe(scoreRule);
const scoreSchema = z
  .union(
    [
      z.number().min(0, { error: scoreError }).max(1, { error: scoreError }),
      z.enum(["up", "down"]),
      z.boolean(),
    ],
    { error: scoreError },
  )
  .transform((score) =>
    typeof score === "number" ? score : score === "up" || score === true ? 1 : 0,
  );

const textUpTo = (max: number) =>
  text({ pattern: new RegExp(`^[^]{1,${max}}$`), rule: `must be text of 1 to ${max} characters` });

const feedbackSchema = strictFields({
  request_id: text({
    pattern: /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/,
    rule: "must be the x-request-id of an answer, 26 letters and digits",
  }),
  score: scoreSchema.nullish(),
  label: textUpTo(labelMax).nullish(),
  comment: textUpTo(commentMax).nullish(),
  evaluator: text({
    pattern: /^[a-z][a-z0-9-]{0,63}$/,
    rule: "must be the name of an evaluator, as relevance",
  }).nullish(),
  user: textUpTo(userMax).nullish(),
});

async function readFeedback(
  c: Context<AppEnv>,
  key: string,
): Promise<{ readonly requestId: string; readonly feedback: Feedback }> {
  const { request } = parseBody(await readSmallBody(c), bodyLimits);
  const given = checkAdminJson(request.value, feedbackSchema);
  const { score = null, label = null, comment = null, evaluator = null, user = null } = given;
  if (score === null && label === null && comment === null) {
    throw bad("score", "is missing: feedback has a score, a label, a comment, or several of them");
  }
  return { requestId: given.request_id, feedback: { score, label, comment, evaluator, user, key } };
}

async function readSmallBody(c: Context<AppEnv>): Promise<Buffer> {
  try {
    return await readBody(c.env.incoming, bodyLimits);
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "body_too_large") throw error;
    const message = `The body is larger than ${bodyLimits.bodyBytesMax} bytes, the limit of feedback.`;
    throw new Failure("body_too_large", message, { cause: error });
  }
}

function readIdempotencyKey(c: Context<AppEnv>): string | undefined {
  const key = c.req.header("idempotency-key")?.trim();
  if (key === undefined || key === "") return undefined;
  if (key.length <= idempotencyKeyMax) return key;
  throw bad("Idempotency-Key", `must be at most ${idempotencyKeyMax} characters`);
}

/**
 * The request that is meant: the caller's own. Without the store nobody knows, and the feedback is taken all the same,
 * for requests of the last days: an id names the day in whose file it is kept. Throws `not_found`.
 */
async function findRecord(
  tenantId: string,
  requestId: string,
  { auditLog, settled, nowMs }: FeedbackRoutesDeps,
): Promise<StoredRecord | undefined> {
  await settled();
  try {
    const record = await auditLog.get(tenantId, requestId);
    if (record !== undefined && record.text !== "") return record;
  } catch (error) {
    if (!(error instanceof Failure) || error.kind !== "store_unavailable") throw error;
    const ageMs = nowMs() - idEpochMs(requestId);
    if (ageMs > -clockErrorMs && ageMs < unseenAgeMsMax) return undefined;
  }
  throw new Failure(
    "not_found",
    "There is no such request. 'request_id' is the x-request-id of an answer that this tenant got; its record is there once the answer is whole.",
    { param: "request_id" },
  );
}

const clockErrorMs = 60_000;
const unseenAgeMsMax = 7 * 86_400_000;

/** Not to the one: two that come at the same moment may both find room. */
function refuseTooMany(before: readonly AuditAmendment[]): void {
  const count = before.filter(({ kind }) => kind === feedbackKind).length;
  if (count < feedbackPerRequestMax) return;
  throw bad("request_id", `has had feedback ${feedbackPerRequestMax} times, the most that is kept`);
}

/** Without the key and what the request was: the caller knows. */
function shown({ id, request_id: requestId, at, data }: AuditAmendment, record?: StoredRecord) {
  const { score, label, comment, evaluator, user, judged } = data;
  return {
    object: "feedback",
    id,
    request_id: requestId,
    created_at: at,
    ...{ score, label, comment, evaluator, user, judged },
    joined: record !== undefined,
  };
}
