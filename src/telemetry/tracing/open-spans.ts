import { exporterOptions, scopeName } from "../otlp-target.ts";
import type { OtlpIdentity, OtlpTarget } from "../otlp-target.ts";
import { writeSpan } from "./span.ts";
import type { ReadableSpan, SpanFacts } from "./span.ts";
import { SpanQueue } from "./span-queue.ts";
import type { SpanQueueOptions } from "./span-queue.ts";
import type { TraceContext } from "./trace-context.ts";

/** Where the spans of sampled requests go. */
export interface Spans extends AsyncDisposable {
  add(trace: TraceContext, facts: SpanFacts): void;
}

export interface OpenSpansOptions extends Pick<
  SpanQueueOptions<ReadableSpan>,
  "gatherMs" | "flushMs" | "onDropped" | "onSent"
> {
  readonly target: OtlpTarget;
  readonly identity: OtlpIdentity;
}

/** The exporter gives up by itself; this is for one that does not. */
const graceMs = 1_000;

/** OpenTelemetry's packages are loaded here, a quarter of a second of a start, and not where nothing is traced. */
export async function openSpans(options: OpenSpansOptions): Promise<Spans> {
  const { target, identity } = options;
  const [exporter, { resourceFromAttributes }] = await Promise.all([
    openExporter(target),
    import("@opentelemetry/resources"),
  ]);
  const origin = {
    resource: resourceFromAttributes(identity.attributes),
    instrumentationScope: { name: scopeName, version: identity.version },
  };
  const queue = new SpanQueue<ReadableSpan>({
    ...options,
    sendMs: target.timeoutMs + graceMs,
    send: (batch) => send(exporter, batch),
  });
  return {
    add: (trace, facts) => {
      queue.add(writeSpan(trace, facts, origin));
    },
    [Symbol.asyncDispose]: () => queue[Symbol.asyncDispose](),
  };
}

interface Exporter {
  export(
    spans: ReadableSpan[],
    onDone: (result: { readonly code: number; readonly error?: Error }) => void,
  ): void;
}

async function openExporter(target: OtlpTarget): Promise<Exporter> {
  const { OTLPTraceExporter } =
    target.protocol === "http/json"
      ? await import("@opentelemetry/exporter-trace-otlp-http")
      : await import("@opentelemetry/exporter-trace-otlp-proto");
  return new OTLPTraceExporter(exporterOptions(target));
}

function send(exporter: Exporter, batch: readonly ReadableSpan[]): Promise<void> {
  return new Promise((resolve, reject) => {
    exporter.export([...batch], ({ code, error }) => {
      if (code === 0) resolve();
      else reject(error ?? new Error("The collector did not take the spans."));
    });
  });
}
