import type { Attributes } from "@opentelemetry/api";

import { genAi, general, sentinel } from "../../telemetry/genai/attributes.ts";
import type { Spans } from "../../telemetry/tracing/open-spans.ts";
import { newSpanId } from "../../telemetry/tracing/trace-context.ts";
import type { EvaluationData } from "../judge/scores/evaluation.ts";

export interface TracedEvaluation {
  readonly requestId: string;
  readonly tenantId: string;
  readonly data: EvaluationData;
  /** Of the judged request, which is long over. */
  readonly trace: { readonly trace_id: string; readonly span_id: string };
  readonly startEpochMs: number;
  readonly endEpochMs: number;
}

/**
 * The evaluation of a traced request, as a span below the request's own with the event `gen_ai.evaluation.result`. Never
 * with the judge's words, which may quote what was judged.
 * (semantic-conventions-genai, docs/gen-ai/gen-ai-events.md, read 2026-11-21)
 */
export function addEvaluationSpan(spans: Pick<Spans, "add">, traced: TracedEvaluation): void {
  const { data, trace } = traced;
  const result: Attributes = { [genAi.evaluationName]: data.evaluator };
  if (data.score !== null) result[genAi.evaluationScore] = data.score;
  if (data.label !== null) result[genAi.evaluationLabel] = data.label;
  if (data.failure !== null) result[general.errorType] = data.failure;
  const attributes: Attributes = {
    ...result,
    [sentinel.requestId]: traced.requestId,
    [sentinel.tenantId]: traced.tenantId,
    [sentinel.judgeModel]: data.judge_model,
  };
  if (data.version !== null) attributes[sentinel.judgeVersion] = data.version;
  if (data.method !== null) attributes[sentinel.judgeMethod] = data.method;
  const context = {
    traceId: trace.trace_id,
    spanId: trace.span_id,
    parentSpanId: undefined,
    isSampled: true,
    isRandom: false,
    tracestate: undefined,
  };
  spans.add(context, {
    name: `evaluate ${data.evaluator}`,
    kind: "internal",
    spanId: newSpanId(),
    parent: { spanId: trace.span_id, isRemote: false },
    startEpochMs: traced.startEpochMs,
    endEpochMs: traced.endEpochMs,
    attributes,
    errorType: data.failure ?? undefined,
    event: { name: genAi.evaluationResult, attributes: result },
  });
}
