import { expect, test } from "vitest";

import { Failure } from "../../../src/errors.ts";
import { fromObject } from "../../../src/lib/json-text.ts";
import { beginExchange } from "../../../src/pipeline/exchange.ts";
import type { Exchange } from "../../../src/pipeline/exchange.ts";
import { exchangeFigures, modelNamesMax } from "../../../src/pipeline/tracing/exchange-figures.ts";
import { exchangeSpans } from "../../../src/pipeline/tracing/exchange-spans.ts";
import { upstreamPlace } from "../../../src/providers/upstream-place.ts";
import type { SpanFacts } from "../../../src/telemetry/tracing/span.ts";
import type { TraceContext } from "../../../src/telemetry/tracing/trace-context.ts";

const clock = { epochMs: () => 1_700_000_010_000, tickMs: () => 10_000 };
const sampled: TraceContext = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  parentSpanId: undefined,
  isSampled: true,
  isRandom: false,
  tracestate: undefined,
};

function settled(trace: TraceContext | undefined, model = "m"): Exchange {
  const request = fromObject({ model, messages: [] });
  const exchange = beginExchange({
    id: "01KC2J9M4T0000000000000000",
    clientRequestId: undefined,
    caller: { tenantId: "acme", keyId: "k", role: "inference", policies: [] },
    endpoint: "chat",
    model,
    isStream: false,
    request,
    requestBytes: Buffer.from(request.text),
    pin: undefined,
    clientHeaders: {},
    tags: {},
    userAgent: undefined,
    trace,
    signal: new AbortController().signal,
    timeoutMs: undefined,
    startedEpochMs: 0,
    startedTickMs: 5_000,
  });
  exchange.attempts.push({
    provider: "demo",
    model,
    startedTickMs: 5_001.5,
    answeredTickMs: 5_020.25,
    status: 200,
  });
  exchange.end = { outcome: { kind: "ok" }, tickMs: 5_021 };
  return exchange;
}

function spansOf(exchange: Exchange): readonly SpanFacts[] {
  const written: SpanFacts[] = [];
  const spans = { add: (_trace: TraceContext, facts: SpanFacts) => void written.push(facts) };
  const onError = (error: unknown): never => {
    throw error;
  };
  exchangeSpans({ spans, clock, onError }).record(exchange);
  return written;
}

test("spans have the wall clock's time with the ticks' exactness", () => {
  const [attempt, request] = spansOf(settled(sampled));
  expect(request).toMatchObject({ startEpochMs: 1_700_000_005_000, endEpochMs: 1_700_000_005_021 });
  expect(attempt).toMatchObject({
    startEpochMs: 1_700_000_005_001.5,
    endEpochMs: 1_700_000_005_020.25,
    parent: { spanId: sampled.spanId, isRemote: false },
  });
});

test("what is not sampled, or of a process that exports nothing, has no spans", () => {
  expect(spansOf(settled({ ...sampled, isSampled: false }))).toEqual([]);
  expect(spansOf(settled({ ...sampled, spanId: undefined }))).toEqual([]);
  expect(spansOf(settled(undefined))).toEqual([]);
});

test("a question of Sentinel's own is no server's span: nobody has sent it", () => {
  const [, request] = spansOf(settled({ ...sampled, isInternal: true }));
  expect(request).toMatchObject({ name: "sentinel chat", kind: "internal", parent: undefined });
  expect(request?.attributes).not.toHaveProperty("http.route");
});

test("an attempt that went upstream with its id keeps it, and one without a place names its provider", () => {
  const exchange = settled(sampled);
  const [attempt] = exchange.attempts;
  if (attempt !== undefined) attempt.spanId = "00f067aa0ba902b7";
  const [span] = spansOf(exchange);
  expect(span?.spanId).toBe("00f067aa0ba902b7");
  expect(span?.attributes["gen_ai.provider.name"]).toBe("demo");
  expect(span?.attributes).not.toHaveProperty("server.address");
});

test("what fails while spans are written is told, and harms nobody", () => {
  const errors: unknown[] = [];
  const spans = {
    add: () => {
      throw new Error("no");
    },
  };
  exchangeSpans({ spans, clock, onError: (error) => errors.push(error) }).record(settled(sampled));
  expect(errors).toEqual([new Error("no")]);
});

/** The names of models that the figures of these exchanges have. */
function modelNamesOf(exchanges: readonly Exchange[]): ReadonlySet<unknown> {
  const names = new Set<unknown>();
  const sink = exchangeFigures({
    metrics: {
      record: (_metric, _value, attributes) => {
        names.add(attributes["gen_ai.request.model"]);
      },
    },
    onError: (error) => {
      throw error;
    },
  });
  for (const exchange of exchanges) sink.record(exchange);
  return names;
}

test("figures have names for so many models, and one for all that come later", () => {
  const count = modelNamesMax + 50;
  const names = modelNamesOf(
    Array.from({ length: count }, (_, at) => settled(undefined, `m-${at}`)),
  );
  expect(names.size).toBe(modelNamesMax + 1);
  expect(names).toContain("_other");
});

test("names that a client makes up take no place of a model that is served", () => {
  const failure = new Failure("provider_rejected", "no such model");
  const refused = Array.from({ length: modelNamesMax }, (_, at) => {
    const exchange = settled(undefined, `made-up-${at}`);
    for (const attempt of exchange.attempts) attempt.errorKind = failure.kind;
    return { ...exchange, end: { outcome: { kind: "failed", failure }, tickMs: 5_021 } } as const;
  });
  expect([...modelNamesOf([...refused, settled(undefined, "served")])]).toEqual([
    "_unknown",
    "served",
  ]);
});

test.each([
  ["google", "https://generativelanguage.googleapis.com/v1beta", "gcp.gemini", 443],
  ["google", "https://europe-west4-aiplatform.googleapis.com/v1", "gcp.vertex_ai", 443],
  ["azure-openai", "https://acme.openai.azure.com", "azure.ai.openai", 443],
  ["openai-compatible", "https://api.moonshot.ai/v1", "moonshot_ai", 443],
  ["openai-compatible", "http://10.0.0.1:8001/v1", "openai_compatible", 8_001],
  ["mistral", "https://api.mistral.ai/v1", "mistral_ai", 443],
  ["xai", "https://api.x.ai/v1", "x_ai", 443],
  ["vllm", "http://[::1]/v1", "vllm", 80],
] as const)("a %s at %s is %s, port %d", (type, baseUrl, vendor, port) => {
  expect(upstreamPlace(type, baseUrl)).toMatchObject({ vendor, port });
});
