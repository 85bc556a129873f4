import { afterAll, expect, test } from "vitest";

import { startGateway, until } from "../support/gateway.ts";
import { chatBody, impatient, yamlOf } from "../support/one-upstream.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import { rawPost } from "../support/raw-client.ts";
import {
  chatChunk,
  completion,
  done,
  startScriptedUpstream,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import type { Script } from "../support/scripted-upstream.ts";
import { newClientTrace, startTracedGateway, tracedEnv } from "../support/traced-gateway.ts";

const plane = await startTracedGateway({
  env: { SENTINEL_CACHE: "on", OTEL_RESOURCE_ATTRIBUTES: "deployment.environment.name=test" },
  provider: { models: ["m", "n"] },
  models: { twice: { retries: 2, targets: [{ provider: "test", model: "n" }] } },
});
afterAll(() => plane[Symbol.asyncDispose]());

const usage = {
  prompt_tokens: 30,
  completion_tokens: 12,
  total_tokens: 42,
  prompt_tokens_details: { cached_tokens: 8 },
};
const good = whole(completion("ok", { id: "chatcmpl-7", model: "m-2026", usage }));
const failing = whole({ error: { message: "no" } }, { "retry-after-ms": "1" }, 503);

/** These answers one after another. */
function inTurn(...scripts: readonly Script[]): Script {
  let turn = 0;
  return (response, request, socket) => scripts[turn++]?.(response, request, socket);
}

test("a request is a span below its client's, and each attempt upstream is one below it", async () => {
  plane.upstream.answer(good);
  const trace = newClientTrace();
  const fields = { temperature: 0.5, max_completion_tokens: 50, seed: 7, stop: ["halt-word"] };
  const answer = await plane.chat(
    { ...fields, response_format: { type: "json_object" } },
    { ...trace.headers, tracestate: "vendor=1" },
  );
  const { request, attempts } = await plane.spansOf(trace);
  expect(request).toMatchObject({
    name: "POST /v1/chat/completions",
    kind: "server",
    traceState: "vendor=1",
    status: { code: 0 },
    attributes: {
      "http.request.method": "POST",
      "http.route": "/v1/chat/completions",
      "http.response.status_code": 200,
      "sentinel.request.id": answer.headers.get("x-request-id"),
      "sentinel.tenant.id": "default",
      "sentinel.model": "m",
      "sentinel.outcome": "ok",
      "sentinel.attempts": 1,
      "sentinel.cache.outcome": "bypass",
      "sentinel.cost.status": "unpriced",
    },
    resource: { "service.name": "sentinel", "deployment.environment.name": "test" },
  });
  const port = Number(new URL(plane.upstream.baseUrl).port);
  expect(attempts).toMatchObject([
    {
      name: "chat m",
      kind: "client",
      status: { code: 0 },
      attributes: {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "openai",
        "gen_ai.request.model": "m",
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 50,
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "json",
        "gen_ai.response.id": "chatcmpl-7",
        "gen_ai.response.model": "m-2026",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.cache_read.input_tokens": 8,
        "server.address": "127.0.0.1",
        "server.port": port,
        "http.response.status_code": 200,
        "sentinel.provider": "test",
        "sentinel.attempt": 1,
        "sentinel.usage.source": "provider",
      },
    },
  ]);
  const [attempt] = attempts;
  expect(attempt?.attributes).not.toHaveProperty("gen_ai.request.stop_sequences");
  expect(attempt?.startEpochMs).toBeGreaterThanOrEqual(request.startEpochMs);
  expect(attempt?.endEpochMs).toBeLessThanOrEqual(request.endEpochMs);
  expect(Math.abs(request.endEpochMs - Date.now())).toBeLessThan(5_000);
});

test("the log's line and the audit record name the trace, and the line the span", async () => {
  plane.upstream.answer(good);
  const trace = newClientTrace();
  const answer = await plane.chat({}, trace.headers);
  const { request } = await plane.spansOf(trace);
  const id = answer.headers.get("x-request-id") ?? "";
  const line = plane.gateway.lines.find((each) => each["request_id"] === id);
  expect(line).toMatchObject({ trace_id: trace.traceId, span_id: request.spanId });
  const record = await (await plane.gateway.fetch(`/v1/audit/${id}`)).json();
  expect(record).toMatchObject({ trace_id: trace.traceId });
});

test("retries are attempts of their own, with what went wrong and without the provider's words", async () => {
  plane.upstream.answer(
    inTurn(failing, whole({ error: { message: "words-of-the-provider" } }, {}, 429), good),
  );
  const trace = newClientTrace();
  expect((await plane.chat({ model: "twice" }, trace.headers)).status).toBe(200);
  const { request, attempts } = await plane.spansOf(trace);
  expect(request.status.code).toBe(0);
  expect(
    attempts.map(({ name, status, attributes }) => [name, status.code, attributes["error.type"]]),
  ).toEqual([
    ["chat n", 2, "upstream_error"],
    ["chat n", 2, "429"],
    ["chat n", 0, undefined],
  ]);
  expect(attempts.map(({ attributes }) => attributes["sentinel.attempt"])).toEqual([1, 2, 3]);
  expect(new Set(attempts.map(({ spanId }) => spanId)).size).toBe(3);
});

test("a request that fails for good is an error of Sentinel's kind, and one that was refused is none", async () => {
  plane.upstream.answer(failing);
  const failed = newClientTrace();
  expect((await plane.chat({}, failed.headers)).status).toBe(502);
  expect((await plane.spansOf(failed)).request).toMatchObject({
    status: { code: 2, message: "upstream_error" },
    attributes: { "error.type": "upstream_error", "http.response.status_code": 502 },
  });
  const refused = newClientTrace();
  expect((await plane.chat({ model: "nobody-has-it" }, refused.headers)).status).toBe(404);
  const { request, attempts } = await plane.spansOf(refused);
  expect(attempts).toEqual([]);
  expect(request).toMatchObject({
    status: { code: 0 },
    attributes: { "http.response.status_code": 404, "sentinel.outcome": "model_not_found" },
  });
});

test("a stream's attempt lasts until its last event, and says when the first one came", async () => {
  let release: (() => void) | undefined;
  plane.upstream.answer(async (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ role: "assistant", content: "a" }, null, { id: "c-9" }));
    await new Promise<void>((resolve) => (release = resolve));
    response.end(chatChunk({}, "length") + usageChunk(usage) + done);
  });
  const trace = newClientTrace();
  const answer = await plane.chat(
    { stream: true, stream_options: { include_usage: true } },
    trace.headers,
  );
  const releasedEpochMs = Date.now();
  release?.();
  await answer.text();
  const { request, attempts } = await plane.spansOf(trace);
  const [attempt] = attempts;
  expect(attempt?.endEpochMs).toBeGreaterThanOrEqual(releasedEpochMs - 2);
  expect(attempt?.attributes).toMatchObject({
    "gen_ai.request.stream": true,
    "gen_ai.response.id": "c-9",
    "gen_ai.response.finish_reasons": ["length"],
    "gen_ai.usage.output_tokens": 12,
  });
  const firstS = attempt?.attributes["gen_ai.response.time_to_first_chunk"];
  expect(firstS).toBeGreaterThan(0);
  expect(firstS).toBeLessThanOrEqual((attempt?.durationMs ?? 0) / 1_000);
  expect(request.attributes["sentinel.stream"]).toBe(true);
});

test("a stream that breaks off is its provider's error; one whose client left is nobody's", async () => {
  plane.upstream.answer((response, _request, socket) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write(chatChunk({ content: "a" }), () => socket.resetAndDestroy());
  });
  const broken = newClientTrace();
  await (await plane.chat({ stream: true }, broken.headers)).text().catch(() => undefined);
  expect((await plane.spansOf(broken)).attempts).toMatchObject([
    { status: { code: 2 }, attributes: { "error.type": "upstream_error" } },
  ]);

  plane.upstream.forget();
  plane.upstream.answer(() => undefined);
  const left = newClientTrace();
  using client = rawPost(plane.gateway, { body: chatBody(), headers: left.headers });
  await until("the provider is asked", () => plane.upstream.seen.length === 1);
  client.socket.destroy();
  const { request, attempts } = await plane.spansOf(left);
  expect(request).toMatchObject({
    status: { code: 0 },
    attributes: { "http.response.status_code": 499, "sentinel.outcome": "client_closed_request" },
  });
  expect(attempts).toMatchObject([{ status: { code: 0 } }]);
  expect(attempts[0]?.attributes).not.toHaveProperty("error.type");
});

test("a hit in the cache asks nobody: it has no attempt, and says whose answer it is", async () => {
  plane.upstream.answer(good);
  const fields = { temperature: 0, messages: [{ role: "user", content: "cached?" }] };
  const first = await plane.chat(fields);
  await first.text();
  const trace = newClientTrace();
  await (await plane.chat(fields, trace.headers)).text();
  const { request, attempts } = await plane.spansOf(trace);
  expect(attempts).toEqual([]);
  expect(request.attributes).toMatchObject({
    "sentinel.cache.outcome": "exact",
    "sentinel.cache.from": first.headers.get("x-request-id"),
    "sentinel.attempts": 0,
  });
});

test("what never becomes a call of a model has a span as well, by its route; probes have none", async () => {
  const unsigned = newClientTrace();
  const headers = { ...unsigned.headers, authorization: "Bearer sk-wrong-key-of-somebody" };
  await plane.gateway.fetch("/v1/chat/completions", { method: "POST", headers, body: "{}" });
  expect((await plane.spansOf(unsigned)).request).toMatchObject({
    name: "POST /v1/chat/completions",
    attributes: { "http.response.status_code": 401, "http.route": "/v1/chat/completions" },
  });
  const malformed = newClientTrace();
  await plane.gateway.post("/v1/chat/completions", "{", malformed.headers);
  expect((await plane.spansOf(malformed)).request.attributes).toMatchObject({
    "http.response.status_code": 400,
  });
  const asking = (path: string, trace: ReturnType<typeof newClientTrace>): Promise<Response> =>
    plane.gateway.fetch(path, {
      headers: { ...trace.headers, authorization: `Bearer ${plane.gateway.key}` },
    });
  const probe = newClientTrace();
  await asking("/health", probe);
  const audit = newClientTrace();
  await asking("/v1/audit/01KC2J9M4T0000000000000000", audit);
  expect((await plane.spansOf(audit)).request.name).toBe("GET /v1/audit/:id");
  const lost = newClientTrace();
  await asking("/secret-in-a-path?key=secret-in-a-query", lost);
  expect((await plane.spansOf(lost)).request.name).toBe("GET");
  expect(plane.collector.spans.filter(({ traceId }) => traceId === probe.traceId)).toEqual([]);
});

test("a client that is not sampled is not traced, and one without a trace begins one", async () => {
  plane.upstream.answer(good);
  const quiet = newClientTrace("00");
  const answer = await plane.chat({}, quiet.headers);
  const own = await plane.chat();
  const idOf = (each: Response): string | null => each.headers.get("x-request-id");
  const traced = () =>
    plane.collector.spans.find(
      ({ kind, attributes }) =>
        kind === "server" && attributes["sentinel.request.id"] === idOf(own),
    );
  await until("the second is traced", () => traced() !== undefined);
  expect(traced()?.parentSpanId).toBeUndefined();
  expect(traced()?.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
  expect(plane.collector.spans.filter(({ traceId }) => traceId === quiet.traceId)).toEqual([]);
  const line = plane.gateway.lines.find((each) => each["request_id"] === idOf(answer));
  expect(line?.["trace_id"]).toBe(quiet.traceId);
  expect(line).not.toHaveProperty("span_id");
});

test("nothing that anybody wrote is exported: no prompt, no answer, no header, no key, no query", async () => {
  const words = ["prompt-words", "answer-words", "header-words", "stop-words", "tool-words"];
  plane.upstream.answer(whole(completion("answer-words", { usage })));
  const trace = newClientTrace();
  await plane.gateway.post(
    "/v1/chat/completions?q=query-words",
    chatBody({
      messages: [{ role: "user", content: "prompt-words" }],
      stop: ["stop-words"],
      user: "header-words",
      tools: [{ type: "function", function: { name: "tool-words", parameters: {} } }],
    }),
    { ...trace.headers, "x-other": "header-words", "user-agent": "header-words" },
  );
  await plane.spansOf(trace);
  const streamed = newClientTrace();
  plane.upstream.answer(stream([chatChunk({ content: "answer-words" }, "stop"), done]));
  await (await plane.chat({ stream: true }, streamed.headers)).text();
  await plane.spansOf(streamed);
  const exported = plane.collector.posts.map(({ body }) => body.toString()).join("\n");
  expect(exported).toContain(trace.traceId);
  const secrets = ["sk-upstream", plane.gateway.key, "sk-wrong-key", "query-words", "secret-in-a"];
  const providersWords = ["words-of-the-provider", "halt-word"];
  for (const secret of [...words, ...secrets, ...providersWords]) {
    expect(exported.includes(secret), secret).toBe(false);
  }
});

test("a fallback's attempts go to their own providers, and only to the operator's own servers goes the trace", async () => {
  await using collector = await startOtlpReceiver();
  await using vendor = await startScriptedUpstream(failing);
  await using own = await startScriptedUpstream(good);
  const provider = (type: string, upstream: { readonly baseUrl: string }, more = {}) => ({
    type,
    base_url: upstream.baseUrl,
    api_keys: ["sk-upstream"],
    models: ["m"],
    ...more,
  });
  const yaml = yamlOf({
    providers: {
      vendor: provider("openai", vendor),
      told: provider("anthropic", vendor, { propagate_trace: true }),
      own: provider("openai-compatible", own),
      untold: provider("vllm", own, { propagate_trace: false }),
    },
    models: {
      chain: {
        retries: 0,
        targets: ["vendor", "told", "own"].map((name) => ({ provider: name, model: "m" })),
      },
      silent: { targets: [{ provider: "untold", model: "m" }] },
    },
  });
  await using gateway = await startGateway({
    yaml,
    env: { ...impatient, ...tracedEnv(collector) },
  });
  const trace = newClientTrace();
  const headers = { ...trace.headers, tracestate: "vendor=1" };
  await gateway.post("/v1/chat/completions", chatBody({ model: "chain" }), headers);
  await until("it is traced", () => collector.spans.length === 4);
  const attempts = collector.spans.filter(({ kind }) => kind === "client");
  expect(attempts.map(({ attributes }) => attributes["gen_ai.provider.name"])).toEqual([
    "openai",
    "anthropic",
    "openai_compatible",
  ]);
  const [toVendor, toTold] = vendor.seen.map((seen) => seen.headers);
  const [toOwn] = own.seen.map((seen) => seen.headers);
  expect(toVendor).not.toHaveProperty("traceparent");
  expect(toVendor).not.toHaveProperty("tracestate");
  expect(toTold?.["traceparent"]).toBe(`00-${trace.traceId}-${attempts[1]?.spanId ?? ""}-01`);
  expect(toOwn?.["traceparent"]).toBe(`00-${trace.traceId}-${attempts[2]?.spanId ?? ""}-01`);
  expect(toOwn?.["tracestate"]).toBe("vendor=1");
  own.forget();
  await gateway.post("/v1/chat/completions", chatBody({ model: "silent" }), headers);
  expect(own.seen[0]?.headers).not.toHaveProperty("traceparent");
});
