import { createServer } from "node:http";
import type { IncomingHttpHeaders, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** A collector that keeps what it is sent over OTLP, in JSON read into plain objects. */
export interface OtlpReceiver extends AsyncDisposable {
  /** Without a path, as `OTEL_EXPORTER_OTLP_ENDPOINT` has it. */
  readonly url: string;
  readonly posts: readonly OtlpPost[];
  /** All spans so far, in the order in which they came. */
  readonly spans: readonly ReceivedSpan[];
  /** The newest figures of each metric. */
  metric(name: string): ReceivedMetric | undefined;
  /** How the next posts are answered; stays until changed. */
  answer(respond: (response: ServerResponse) => void): void;
}

export interface OtlpPost {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly traceState: string | undefined;
  readonly name: string;
  readonly kind: "internal" | "server" | "client";
  readonly durationMs: number;
  readonly startEpochMs: number;
  readonly endEpochMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly status: { readonly code?: number; readonly message?: string };
}

export interface ReceivedMetric {
  readonly unit: string;
  readonly points: readonly {
    readonly attributes: Readonly<Record<string, unknown>>;
    readonly count: number;
    readonly sum: number;
    readonly bounds: readonly number[];
  }[];
}

export async function startOtlpReceiver(): Promise<OtlpReceiver> {
  const posts: OtlpPost[] = [];
  const spans: ReceivedSpan[] = [];
  const metrics = new Map<string, ReceivedMetric>();
  let respond = (response: ServerResponse): void =>
    void response.writeHead(200, { "content-type": "application/json" }).end("{}");
  const server = createServer((request, response) => {
    void buffer(request).then((body) => {
      const { url: path = "", headers } = request;
      posts.push({ path, headers, body });
      if (headers["content-type"] === "application/json") read(body, spans, metrics);
      respond(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    posts,
    spans,
    metric: (name) => metrics.get(name),
    answer: (next) => {
      respond = next;
    },
    [Symbol.asyncDispose]: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

interface OtlpValue {
  readonly stringValue?: string;
  readonly intValue?: number | string;
  readonly doubleValue?: number;
  readonly boolValue?: boolean;
  readonly arrayValue?: { readonly values: readonly OtlpValue[] };
}
type OtlpAttributes = readonly { readonly key: string; readonly value: OtlpValue }[];

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly traceState?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: OtlpAttributes;
  readonly status: ReceivedSpan["status"];
}

interface OtlpMetric {
  readonly name: string;
  readonly unit: string;
  readonly histogram?: {
    readonly dataPoints: readonly {
      readonly attributes: OtlpAttributes;
      readonly count: number | string;
      readonly sum: number;
      readonly explicitBounds: readonly number[];
    }[];
  };
}

interface OtlpBody {
  readonly resourceSpans?: readonly {
    readonly resource: { readonly attributes: OtlpAttributes };
    readonly scopeSpans: readonly { readonly spans: readonly OtlpSpan[] }[];
  }[];
  readonly resourceMetrics?: readonly {
    readonly scopeMetrics: readonly { readonly metrics: readonly OtlpMetric[] }[];
  }[];
}

function read(body: Buffer, spans: ReceivedSpan[], metrics: Map<string, ReceivedMetric>): void {
  const { resourceSpans = [], resourceMetrics = [] } = JSON.parse(body.toString()) as OtlpBody;
  for (const { resource, scopeSpans } of resourceSpans) {
    const shown = attributesOf(resource.attributes);
    for (const span of scopeSpans.flatMap((scope) => scope.spans)) {
      spans.push(spanOf(span, shown));
    }
  }
  for (const metric of resourceMetrics.flatMap(({ scopeMetrics }) =>
    scopeMetrics.flatMap((scope) => scope.metrics),
  )) {
    metrics.set(metric.name, metricOf(metric));
  }
}

const kinds: Readonly<Record<number, ReceivedSpan["kind"]>> = {
  1: "internal",
  2: "server",
  3: "client",
};

function spanOf(span: OtlpSpan, resource: ReceivedSpan["resource"]): ReceivedSpan {
  const startEpochMs = Number(BigInt(span.startTimeUnixNano) / 1_000n) / 1_000;
  const endEpochMs = Number(BigInt(span.endTimeUnixNano) / 1_000n) / 1_000;
  return {
    traceId: span.traceId,
    spanId: span.spanId,
    parentSpanId: span.parentSpanId,
    traceState: span.traceState,
    name: span.name,
    kind: kinds[span.kind] ?? "internal",
    startEpochMs,
    endEpochMs,
    durationMs: endEpochMs - startEpochMs,
    attributes: attributesOf(span.attributes),
    resource,
    status: span.status,
  };
}

function metricOf({ unit, histogram }: OtlpMetric): ReceivedMetric {
  const points = (histogram?.dataPoints ?? []).map((point) => ({
    attributes: attributesOf(point.attributes),
    count: Number(point.count),
    sum: point.sum,
    bounds: point.explicitBounds,
  }));
  return { unit, points };
}

const attributesOf = (attributes: OtlpAttributes): Record<string, unknown> =>
  Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));

function valueOf(value: OtlpValue): unknown {
  if (value.arrayValue !== undefined) return value.arrayValue.values.map(valueOf);
  if (value.intValue !== undefined) return Number(value.intValue);
  return value.stringValue ?? value.doubleValue ?? value.boolValue;
}
