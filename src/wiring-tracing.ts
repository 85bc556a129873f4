import type { RequestTracing } from "./http/request-span.ts";
import { exchangeFigures } from "./pipeline/tracing/exchange-figures.ts";
import { exchangeSpans } from "./pipeline/tracing/exchange-spans.ts";
import type { ExchangeSink } from "./pipeline/settle.ts";
import { tracingOff, tracingOn } from "./telemetry/tracing/begin-trace.ts";
import type { SpanDropReason } from "./telemetry/tracing/span-queue.ts";
import { scrubSecrets } from "./telemetry/scrub-secrets.ts";
import { samplerOf } from "./telemetry/tracing/sampler.ts";
import { version } from "./version.ts";
import type { StoreTools } from "./wiring-stores.ts";

/** Traces, and the metrics of the GenAI conventions, both over OTLP. */
export interface Tracing extends RequestTracing, AsyncDisposable {
  /** After the accountant's. */
  readonly sinks: readonly ExchangeSink[];
}

export interface TracingTools extends Pick<StoreTools, "settings" | "clock" | "log"> {
  readonly onSpansDropped: (reason: SpanDropReason, count: number) => void;
}

/** The end of the process waits so long for a collector; one that is up takes milliseconds. */
const flushMs = 3_000;

/** Nothing of OpenTelemetry's is loaded where there is no collector. */
export async function openTracing(tools: TracingTools): Promise<Tracing> {
  const { clock, log } = tools;
  const [spans, metrics] = await Promise.all([openSpansIfAsked(tools), openMetricsIfAsked(tools)]);
  const onError = (error: unknown): void => {
    log.error({ err: error }, "a request is missing in the traces or in the figures over OTLP");
  };
  return {
    begin: spans === undefined ? tracingOff : tracingOn(samplerOf(tools.settings.otlp.sampler)),
    spans,
    sinks: [
      ...(spans === undefined ? [] : [exchangeSpans({ spans, clock, onError })]),
      ...(metrics === undefined ? [] : [exchangeFigures({ metrics, onError })]),
    ],
    [Symbol.asyncDispose]: async () => {
      // Side by side: a collector that hangs is waited for once.
      await Promise.all([spans?.[Symbol.asyncDispose](), metrics?.[Symbol.asyncDispose]()]);
    },
  };
}

async function openSpansIfAsked({ settings, log, onSpansDropped }: TracingTools) {
  const { traces: target, attributes, gatherMs } = settings.otlp;
  if (target === undefined) return undefined;
  const { openSpans } = await import("./telemetry/tracing/open-spans.ts");
  return openSpans({
    target,
    identity: { attributes, version },
    gatherMs,
    flushMs,
    onDropped: onSpansDropped,
    onSent: toldOf("traces", log),
  });
}

async function openMetricsIfAsked({ settings, log }: TracingTools) {
  const { metrics: target, attributes, metricIntervalMs: intervalMs } = settings.otlp;
  if (target === undefined) return undefined;
  const { openGenAiMetrics } = await import("./telemetry/genai/metrics.ts");
  return openGenAiMetrics({
    target,
    identity: { attributes, version },
    intervalMs,
    flushMs,
    onSent: toldOf("metrics", log),
  });
}

/** Once for each outage. An exporter's error may hold what the collector has answered, which is not ours to log. */
const toldOf =
  (what: string, log: TracingTools["log"]) =>
  (outcome: "failed" | "recovered", error?: unknown): void => {
    if (outcome === "recovered")
      log.info({ what }, "the OTLP collector takes what it is sent again");
    else log.warn({ what, reason: reasonOf(error) }, "the OTLP collector takes nothing");
  };

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "unknown";
  const code: unknown = Reflect.get(error, "code");
  const status = typeof code === "number" ? `${code} ` : "";
  return scrubSecrets(`${status}${error.message}`.slice(0, reasonLengthMax));
}

const reasonLengthMax = 256;
