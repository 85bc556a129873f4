import { z } from "zod";

import { nanoUsdFrom } from "../../../lib/usd.ts";
import { evaluatorNameIn } from "../../../tenants/judge-policy.ts";
import type { JudgePolicy } from "../../../tenants/judge-policy.ts";
import { redactNothing } from "../../audit/payload-capture.ts";
import type { Redact } from "../../audit/payload-capture.ts";
import { isTraced } from "../../../telemetry/tracing/trace-context.ts";
import type { Exchange } from "../../exchange.ts";
import { lastAttempt } from "../../exchange.ts";
import type { JobsRecord } from "../../journal.ts";
import type { SaidAnswer } from "./answer-said.ts";
import { askedText } from "./judged-text.ts";
import type { Asked, JudgedEndpoint } from "./judged-text.ts";
import type { SampledBy } from "./sample.ts";

/** The kind of the jobs that judge one answer by one evaluator. */
export const judgeKind = "judge";

/**
 * What such a job holds: everything that it needs, so that it does not matter who does it, and what is there by then. Where
 * the tenant's policy can be read, what that says by then goes before (`judge-job-now.ts`).
 */
export const judgeJobSchema = z.object({
  evaluator: z.string(),
  request_id: z.string(),
  model: z.string(),
  daily_nano_usd: z.int().nullable(),
  daily_tokens: z.int().nullable(),
  keep_reasons: z.boolean(),
  sampled_by: z.enum(["rate", "error", "shield", "feedback"]),
  request: z.object({
    key: z.string(),
    model: z.string(),
    served_model: z.string().nullable(),
    provider: z.string().nullable(),
  }),
  answer_characters: z.int(),
  judged: z.object({
    system: z.string(),
    conversation: z.string(),
    question: z.string(),
    answer: z.string(),
  }),
  /** Of the judged request, where that is traced. */
  trace: z.object({ trace_id: z.string(), span_id: z.string() }).nullable(),
});
export type JudgeJob = z.infer<typeof judgeJobSchema>;

export const judgeJobId = (requestId: string, evaluator: string): string =>
  `judge:${requestId}:${evaluator}`;

/** Whoever waits for a verdict on a complaint goes first. */
const priorities: Readonly<Record<SampledBy, number>> = {
  feedback: 7,
  error: 6,
  shield: 6,
  rate: 5,
};

export interface ToJudge {
  readonly requestId: string;
  readonly tenantId: string;
  readonly request: JudgeJob["request"];
  readonly asked: Asked;
  readonly said: SaidAnswer;
  readonly trace: JudgeJob["trace"];
}

/** One job for each evaluator of the policy. What must not be stored is taken out of the text, as of kept payloads. */
export function judgeJobs(
  policy: JudgePolicy,
  by: SampledBy,
  what: ToJudge,
  redact: Redact = redactNothing,
): JobsRecord {
  const { asked, said } = what;
  const shared: Omit<JudgeJob, "evaluator"> = {
    request_id: what.requestId,
    ...policyTerms(policy),
    sampled_by: by,
    request: what.request,
    answer_characters: said.characters,
    judged: {
      system: redact(asked.system),
      conversation: redact(asked.conversation),
      question: redact(asked.question),
      answer: redact(said.text),
    },
    trace: what.trace,
  };
  return {
    kind: judgeKind,
    tenant: what.tenantId,
    priority: priorities[by],
    jobs: policy.evaluators.map((evaluator) => ({
      id: judgeJobId(what.requestId, evaluatorNameIn(evaluator)),
      payload: { evaluator },
    })),
    shared,
  };
}

type PolicyTerms = Pick<JudgeJob, "model" | "daily_nano_usd" | "daily_tokens" | "keep_reasons">;

/** By whom it is judged, what that may cost in a day, and what is kept of it. */
export function policyTerms({
  model,
  daily_budget_usd: usd,
  daily_tokens: tokens,
  keep_reasons: keepsReasons,
}: JudgePolicy): PolicyTerms {
  return {
    model,
    daily_nano_usd: usd === undefined ? null : (nanoUsdFrom(usd) ?? 0),
    daily_tokens: tokens ?? null,
    keep_reasons: keepsReasons === true,
  };
}

/** An exchange that has ended, as a judge gets it. */
export function toJudge(exchange: Exchange, endpoint: JudgedEndpoint, said: SaidAnswer): ToJudge {
  const { id, caller, request, trace } = exchange;
  return {
    requestId: id,
    tenantId: caller.tenantId,
    request: describedRequest(exchange),
    asked: askedText(endpoint, request.value),
    said,
    trace: tracedBy(trace),
  };
}

/** What a judged request was, for reports. */
export function describedRequest(exchange: Exchange): ToJudge["request"] {
  const { caller, model } = exchange;
  const attempt = lastAttempt(exchange);
  return {
    key: caller.keyId,
    model,
    served_model: attempt?.model ?? null,
    provider: attempt?.provider ?? null,
  };
}

export const tracedBy = (trace: Exchange["trace"]): ToJudge["trace"] =>
  isTraced(trace) ? { trace_id: trace.traceId, span_id: trace.spanId } : null;
