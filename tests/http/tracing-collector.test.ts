import { expect, test } from "vitest";

import { until } from "../support/gateway.ts";
import { startOneUpstream } from "../support/one-upstream.ts";
import { startOtlpReceiver } from "../support/otlp-receiver.ts";
import {
  chatChunk,
  completion,
  done,
  stream,
  usageChunk,
  whole,
} from "../support/scripted-upstream.ts";
import {
  newClientTrace,
  spansOf,
  startTracedGateway,
  tracedEnv,
} from "../support/traced-gateway.ts";

const usage = { prompt_tokens: 30, completion_tokens: 12, total_tokens: 42 };
const good = whole(completion("ok", { usage }));

test("where nothing else is said spans go as protobuf, with the collector's headers, and are sent at the end", async () => {
  await using collector = await startOtlpReceiver();
  const trace = newClientTrace();
  {
    await using plane = await startOneUpstream({
      script: good,
      env: {
        OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: `${collector.url}/elsewhere`,
        OTEL_EXPORTER_OTLP_HEADERS: "x-collector-key=key%20of-the-collector",
        OTEL_BSP_SCHEDULE_DELAY: "60000",
      },
    });
    await plane.chat({}, trace.headers);
    expect(collector.posts).toEqual([]);
  }
  const [post] = collector.posts;
  expect(collector.posts.length).toBe(1);
  expect(post?.path).toBe("/elsewhere");
  expect(post?.headers).toMatchObject({
    "content-type": "application/x-protobuf",
    "x-collector-key": "key of-the-collector",
  });
  const { body = Buffer.alloc(0) } = post ?? {};
  // Field 1 of the request: the spans of a resource. A trace's id is in it as its bytes.
  expect(body[0]).toBe(0x0a);
  expect(body.includes(Buffer.from(trace.traceId, "hex"))).toBe(true);
  expect(body.includes("gen_ai.operation.name")).toBe(true);
});

test("the conventions' metrics go to the collector, with the buckets that they ask for", async () => {
  await using plane = await startTracedGateway({
    script: good,
    env: { OTEL_METRIC_EXPORT_INTERVAL: "100" },
  });
  await plane.chat();
  plane.upstream.answer(
    stream([
      chatChunk({ content: "a" }),
      chatChunk({ content: "b" }, "stop"),
      usageChunk(usage),
      done,
    ]),
  );
  const streaming = { stream: true, stream_options: { include_usage: true } };
  await (await plane.chat(streaming)).text();
  plane.upstream.answer(whole({ error: { message: "no" } }, {}, 400));
  await plane.chat();
  await (await plane.chat({ model: "nobody-has-it" })).text();
  const points = (name: string) => plane.collector.metric(name)?.points ?? [];
  const requests = "gen_ai.server.request.duration";
  const counted = (): number => points(requests).reduce((sum, { count }) => sum + count, 0);
  await until("all four are counted", () => counted() === 4);
  const tokens = points("gen_ai.client.token.usage").map(({ attributes, count, sum }) => ({
    type: attributes["gen_ai.token.type"],
    provider: attributes["gen_ai.provider.name"],
    count,
    sum,
  }));
  expect(tokens).toEqual([
    { type: "input", provider: "openai", count: 2, sum: 60 },
    { type: "output", provider: "openai", count: 2, sum: 24 },
  ]);
  const operations = points("gen_ai.client.operation.duration");
  expect(operations.map(({ attributes, count }) => [attributes["error.type"], count])).toEqual([
    [undefined, 2],
    ["400", 1],
  ]);
  expect(points(requests).map(({ attributes }) => attributes["gen_ai.request.model"])).toEqual([
    "m",
    "m",
    "_unknown",
  ]);
  for (const name of ["gen_ai.server.time_to_first_token", "gen_ai.server.time_per_output_token"]) {
    expect(points(name)).toMatchObject([{ count: 1 }]);
  }
  expect(plane.collector.metric(requests)?.unit).toBe("s");
  expect(points(requests)[0]?.bounds).toHaveLength(14);
});

test("a collector that hangs or is gone delays neither requests nor the end by more than its bound", async () => {
  await using collector = await startOtlpReceiver();
  collector.answer(() => undefined);
  const plane = await startOneUpstream({ script: good, env: tracedEnv(collector) });
  await plane.chat();
  await until("the collector has spans that it does not answer", () => collector.posts.length > 0);
  const beganMs = performance.now();
  for (let count = 0; count < 20; count++) expect((await plane.chat()).status).toBe(200);
  expect(performance.now() - beganMs).toBeLessThan(3_000);
  expect(collector.posts.length).toBeLessThanOrEqual(2);
  const endingMs = performance.now();
  await plane[Symbol.asyncDispose]();
  expect(performance.now() - endingMs).toBeLessThan(6_000);
});

test("what a collector refuses is dropped, counted and told of once, without its key", async () => {
  await using collector = await startOtlpReceiver();
  collector.answer((response) => response.writeHead(401).end("key-of-the-collector is wrong"));
  await using plane = await startOneUpstream({
    script: good,
    env: {
      ...tracedEnv(collector),
      OTEL_METRICS_EXPORTER: "none",
      OTEL_EXPORTER_OTLP_HEADERS: "authorization=Bearer key-of-the-collector",
    },
  });
  const warnings = () =>
    plane.gateway.lines.filter(({ msg }) => msg === "the OTLP collector takes nothing");
  await plane.chat();
  await until("it is told", () => warnings().length === 1);
  await plane.chat();
  await until("the second is refused", () => collector.posts.length === 2);
  const scraped = await fetch(`${plane.gateway.url}/metrics/prometheus`);
  expect(await scraped.text()).toMatch(
    /sentinel_spans_dropped_total\{reason="export_failed"\} [24]\n/,
  );
  expect(warnings().length).toBe(1);
  expect(JSON.stringify(plane.gateway.lines)).not.toContain("key-of-the-collector");
  collector.answer((response) => response.writeHead(200).end("{}"));
  const trace = newClientTrace();
  await plane.chat({}, trace.headers);
  await spansOf(collector, trace);
  await until("it is told that it works", () =>
    plane.gateway.lines.some(({ msg }) => String(msg).includes("takes what it is sent again")),
  );
});

test("with tracing off the client's trace goes on as it is, and nothing that is none", async () => {
  await using plane = await startOneUpstream({ script: good, type: "vllm" });
  const trace = newClientTrace();
  await plane.chat({}, { ...trace.headers, tracestate: "vendor=1" });
  await plane.chat(
    {},
    { traceparent: `00-${"0".repeat(32)}-${trace.spanId}-01`, tracestate: "a=b" },
  );
  const [first, second] = plane.upstream.seen.map(({ headers }) => headers);
  expect(first).toMatchObject({ ...trace.headers, tracestate: "vendor=1" });
  expect(second).not.toHaveProperty("traceparent");
  expect(second).not.toHaveProperty("tracestate");
});
