import type { Attributes } from "@opentelemetry/api";

import type { Failure } from "../../errors.ts";
import type { Clock } from "../../lib/clock.ts";
import { endpoints } from "../../protocol/endpoints.ts";
import type { Attempt } from "../../providers/provider.ts";
import { general, operations, sentinel } from "../../telemetry/genai/attributes.ts";
import type { Spans } from "../../telemetry/tracing/open-spans.ts";
import type { SpanFacts } from "../../telemetry/tracing/span.ts";
import { isTraced, newSpanId } from "../../telemetry/tracing/trace-context.ts";
import type { ExportedTrace } from "../../telemetry/tracing/trace-context.ts";
import { isHit } from "../cache/cache-note.ts";
import { overheadMs } from "../exchange.ts";
import type { Exchange } from "../exchange.ts";
import type { ExchangeSink } from "../settle.ts";
import { attemptAttributes, modelLengthMax } from "./attempt-attributes.ts";
import { attemptEndTickMs } from "../attempt-end.ts";
import { attemptError } from "./attempt-error.ts";

export interface ExchangeSpansDeps {
  readonly spans: Pick<Spans, "add">;
  readonly clock: Clock;
  /** Told of our own faults: a request does not fail by its trace. */
  readonly onError: (error: unknown) => void;
}

/**
 * The spans of a sampled request, made when it is over of what was noted anyway: one for the request, and one for each
 * attempt upstream. What is not sampled costs a look at one field.
 */
export const exchangeSpans = ({ spans, clock, onError }: ExchangeSpansDeps): ExchangeSink => ({
  record: (exchange) => {
    if (!isTraced(exchange.trace)) return;
    try {
      const { trace } = exchange;
      // Ticks are as exact as clocks are not; that they may drift apart in weeks is made up for here.
      const tickEpochMs = clock.epochMs() - clock.tickMs();
      for (const [index, attempt] of exchange.attempts.entries()) {
        spans.add(trace, attemptSpan(exchange, trace, { attempt, index, tickEpochMs }));
      }
      spans.add(trace, requestSpan(exchange, trace, tickEpochMs));
    } catch (error) {
      onError(error);
    }
  },
});

interface PlacedAttempt {
  readonly attempt: Attempt;
  readonly index: number;
  /** When the clock of ticks began. */
  readonly tickEpochMs: number;
}

function attemptSpan(
  exchange: Exchange,
  { spanId }: ExportedTrace,
  { attempt, index, tickEpochMs }: PlacedAttempt,
): SpanFacts {
  const errorType = attemptError(exchange, attempt);
  return {
    name: `${operations[exchange.endpoint]} ${attempt.model.slice(0, modelLengthMax)}`,
    kind: "client",
    // It has one already where it went upstream with the request.
    spanId: attempt.spanId ?? newSpanId(),
    parent: { spanId, isRemote: false },
    startEpochMs: tickEpochMs + attempt.startedTickMs,
    endEpochMs: tickEpochMs + attemptEndTickMs(exchange, attempt),
    attributes: attemptAttributes(exchange, attempt, index, errorType),
    errorType,
  };
}

function requestSpan(
  exchange: Exchange,
  { spanId, parentSpanId, isInternal }: ExportedTrace,
  tickEpochMs: number,
): SpanFacts {
  const { end, startedTickMs } = exchange;
  const failure = failureOf(exchange);
  const errorType = failure !== undefined && failure.status >= 500 ? failure.kind : undefined;
  const attributes = exchangeAttributes(exchange);
  if (errorType !== undefined) attributes[general.errorType] = errorType;
  const facts = {
    spanId,
    startEpochMs: tickEpochMs + startedTickMs,
    endEpochMs: tickEpochMs + (end?.tickMs ?? startedTickMs),
    attributes,
    errorType,
  };
  if (isInternal === true) {
    const name = `sentinel ${operations[exchange.endpoint]}`;
    return { ...facts, name, kind: "internal", parent: undefined };
  }
  const path = `/v1${endpoints[exchange.endpoint].path}`;
  attributes[general.httpMethod] = "POST";
  attributes[general.httpRoute] = path;
  attributes[general.urlPath] = path;
  attributes[general.urlScheme] = "http";
  attributes[general.httpStatus] = failure?.status ?? 200;
  const parent = parentSpanId === undefined ? undefined : { spanId: parentSpanId, isRemote: true };
  return { ...facts, name: `POST ${path}`, kind: "server", parent };
}

const failureOf = ({ end }: Exchange): Failure | undefined =>
  end?.outcome.kind === "failed" ? end.outcome.failure : undefined;

/** What is Sentinel's to tell. The model's own figures stand at the attempts, so that nobody counts them twice. */
function exchangeAttributes(exchange: Exchange): Attributes {
  const { caller, cache, account, end } = exchange;
  const attributes: Attributes = {
    [sentinel.requestId]: exchange.id,
    [sentinel.tenantId]: caller.tenantId,
    [sentinel.keyId]: caller.keyId,
    [sentinel.model]: exchange.model.slice(0, modelLengthMax),
    [sentinel.stream]: exchange.isStream,
    [sentinel.outcome]: failureOf(exchange)?.kind ?? "ok",
    [sentinel.attempts]: exchange.attempts.length,
    [sentinel.overheadMs]: round(overheadMs(exchange, end?.tickMs ?? exchange.startedTickMs)),
  };
  if (cache !== undefined) attributes[sentinel.cacheOutcome] = cache.outcome;
  if (isHit(cache)) {
    attributes[sentinel.cacheFrom] = cache.from;
    if (cache.similarity !== undefined) attributes[sentinel.cacheSimilarity] = cache.similarity;
  }
  if (account !== undefined) {
    attributes[sentinel.costUsd] = account.cost.nanoUsd / 1e9;
    attributes[sentinel.costStatus] = account.cost.status;
  }
  return attributes;
}

const round = (ms: number): number => Math.round(ms * 1_000) / 1_000;
