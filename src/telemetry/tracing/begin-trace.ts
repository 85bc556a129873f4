import type { Sampler } from "./sampler.ts";
import { newSpanId, newTraceId, readTraceparent, readTracestate } from "./trace-context.ts";
import type { TraceContext, TraceHeaders } from "./trace-context.ts";

/** Runs once per request; budget 1 µs. */
export type BeginTrace = (headers: TraceHeaders) => TraceContext | undefined;

/** With tracing on every request belongs to a trace: the client's, or one that begins here. */
export const tracingOn =
  (sampler: Sampler): BeginTrace =>
  (headers) => {
    const traceparent = headers["traceparent"];
    const parent = traceparent === undefined ? undefined : readTraceparent(traceparent);
    const traceId = parent?.traceId ?? newTraceId();
    return {
      traceId,
      spanId: newSpanId(),
      parentSpanId: parent?.spanId,
      isSampled: sampler(traceId, parent?.isSampled),
      isRandom: parent?.isRandom ?? false,
      // What belongs to no trace that we know says nothing of ours.
      tracestate: parent === undefined ? undefined : readTracestate(headers["tracestate"]),
    };
  };

/** With tracing off the client's trace is known by its id, and handed on as it is. */
export const tracingOff: BeginTrace = (headers) => {
  const traceparent = headers["traceparent"];
  if (traceparent === undefined) return undefined;
  const parent = readTraceparent(traceparent);
  if (parent === undefined) return undefined;
  return {
    traceId: parent.traceId,
    spanId: undefined,
    parentSpanId: parent.spanId,
    isSampled: parent.isSampled,
    isRandom: parent.isRandom,
    tracestate: readTracestate(headers["tracestate"]),
  };
};
