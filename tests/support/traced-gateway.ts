import { randomBytes } from "node:crypto";

import { until } from "./gateway.ts";
import { startOneUpstream } from "./one-upstream.ts";
import type { OneUpstream, OneUpstreamOptions } from "./one-upstream.ts";
import { startOtlpReceiver } from "./otlp-receiver.ts";
import type { OtlpReceiver, ReceivedSpan } from "./otlp-receiver.ts";

/** A gateway in front of one scripted upstream, which tells a collector of what it does. */
export interface TracedGateway extends OneUpstream {
  readonly collector: OtlpReceiver;
  /** The spans of a client's trace, once the request's own is there. */
  spansOf(trace: ClientTrace): Promise<TracedRequest>;
}

export interface TracedRequest {
  readonly request: ReceivedSpan;
  /** In the order in which they began. */
  readonly attempts: readonly ReceivedSpan[];
}

/** What a client that traces sends along. */
export interface ClientTrace {
  readonly traceId: string;
  readonly spanId: string;
  readonly headers: { readonly traceparent: string };
}

export function newClientTrace(flags = "01"): ClientTrace {
  const traceId = randomBytes(16).toString("hex");
  const spanId = randomBytes(8).toString("hex");
  return { traceId, spanId, headers: { traceparent: `00-${traceId}-${spanId}-${flags}` } };
}

export const tracedEnv = (collector: Pick<OtlpReceiver, "url">): Record<string, string> => ({
  OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
  OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
  OTEL_BSP_SCHEDULE_DELAY: "5",
});

export async function startTracedGateway(options: OneUpstreamOptions = {}): Promise<TracedGateway> {
  const collector = await startOtlpReceiver();
  const plane = await startOneUpstream({
    ...options,
    env: { ...tracedEnv(collector), ...options.env },
  });
  return {
    ...plane,
    collector,
    spansOf: (trace) => spansOf(collector, trace),
    [Symbol.asyncDispose]: async () => {
      await plane[Symbol.asyncDispose]();
      await collector[Symbol.asyncDispose]();
    },
  };
}

export async function spansOf(
  collector: Pick<OtlpReceiver, "spans">,
  { traceId, spanId }: Pick<ClientTrace, "traceId" | "spanId">,
): Promise<TracedRequest> {
  const ofTrace = (): readonly ReceivedSpan[] =>
    collector.spans.filter((span) => span.traceId === traceId);
  const find = (): ReceivedSpan | undefined =>
    ofTrace().find(({ parentSpanId }) => parentSpanId === spanId);
  await until("the request is traced", () => find() !== undefined);
  const request = find();
  if (request === undefined) throw new Error("there is no such request");
  const attempts = ofTrace()
    .filter(({ parentSpanId }) => parentSpanId === request.spanId)
    .toSorted((left, right) => left.startEpochMs - right.startEpochMs);
  return { request, attempts };
}
