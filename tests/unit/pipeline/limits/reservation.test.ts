import fc from "fast-check";
import { expect, test } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";
import { RecentCounts } from "../../../../src/pipeline/limits/recent-counts.ts";
import { Reservations } from "../../../../src/pipeline/limits/reservation.ts";
import type { Endpoint } from "../../../../src/protocol/endpoints.ts";
import type { Usage } from "../../../../src/protocol/usage.ts";
import type { Caller } from "../../../../src/tenants/tenant.ts";

interface CallOf {
  readonly tenantId?: string;
  readonly endpoint?: Endpoint;
  readonly model?: string;
  readonly candidates?: readonly string[];
  readonly request?: JsonObject;
}

const callerOf = (tenantId: string): Caller => ({
  tenantId,
  keyId: "k1",
  role: "inference",
  policies: [],
});

function callOf({
  tenantId = "acme",
  endpoint = "chat",
  model = "some-model",
  candidates,
  request = {},
}: CallOf = {}) {
  const json = fromObject({ model, messages: [{ role: "user", content: "Hello" }], ...request });
  const route = { name: model, strategy: "single", candidates: candidates ?? [], pinned_to: null };
  return {
    caller: callerOf(tenantId),
    endpoint,
    model,
    request: json,
    requestBytes: Buffer.from(json.text),
    ...(candidates === undefined ? {} : { route }),
  };
}

const usageOf = (inputTokens: number, outputTokens: number): Usage => ({
  inputTokens,
  outputTokens,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  reasoningTokens: 0,
});

function learn(reservations: Reservations, count: number, outputTokens: number, call = callOf()) {
  for (let each = 0; each < count; each++) reservations.learn(call, usageOf(20, outputTokens));
}

test("at first what the request allows is reserved, for each of its answers", () => {
  const reservations = new Reservations();
  const outputOf = (call: CallOf) => reservations.expect(callOf(call)).outputTokens;
  expect(outputOf({ request: { max_tokens: 100 } })).toBe(100);
  expect(outputOf({ request: { max_completion_tokens: 70, max_tokens: 100, n: 3 } })).toBe(210);
  expect(outputOf({ endpoint: "responses", request: { max_output_tokens: 50 } })).toBe(50);
  expect(outputOf({ endpoint: "completions", request: { max_tokens: 10, n: 2, best_of: 5 } })).toBe(
    50,
  );
  expect(outputOf({ endpoint: "messages", request: { max_tokens: 0 } })).toBe(0);
});

test("without a limit it is the model's own, of any that may answer, or a default", () => {
  const reservations = new Reservations();
  const outputOf = (call: CallOf) => reservations.expect(callOf(call)).outputTokens;
  expect(outputOf({ model: "gpt-4o" })).toBe(16_384);
  expect(outputOf({ model: "fast", candidates: ["openai/gpt-3.5-turbo", "openai/gpt-4o"] })).toBe(
    16_384,
  );
  expect(outputOf({ model: "unheard-of" })).toBe(4_096);
});

test("from 30 answers on it is what 19 in 20 had, and never more than the request allows", () => {
  const reservations = new Reservations();
  const large = callOf({ request: { max_tokens: 64_000 } });
  learn(reservations, 29, 200);
  expect(reservations.expect(large).outputTokens).toBe(64_000);
  learn(reservations, 1, 200);
  expect(reservations.expect(large).outputTokens).toBe(200);
  expect(reservations.expect(callOf()).outputTokens).toBe(200);
  expect(reservations.expect(callOf({ request: { max_tokens: 50 } })).outputTokens).toBe(50);
  expect(reservations.expect(callOf({ request: { max_tokens: 50, n: 2 } })).outputTokens).toBe(100);
});

test("what one tenant's model does says nothing of another's", () => {
  const reservations = new Reservations();
  learn(reservations, 100, 10);
  const request = { max_tokens: 500 };
  expect(reservations.expect(callOf({ request })).outputTokens).toBe(10);
  expect(reservations.expect(callOf({ request, tenantId: "other" })).outputTokens).toBe(500);
  expect(reservations.expect(callOf({ request, model: "other" })).outputTokens).toBe(500);
});

test("learns how many tokens a byte of the tenant's prompts makes", () => {
  const reservations = new Reservations();
  const call = callOf({ request: { input: "x".repeat(4_000) } });
  const bytes = call.requestBytes.length;
  expect(reservations.expect(call).inputTokens).toBe(Math.ceil(bytes / 4));
  for (let each = 0; each < 100; each++) reservations.learn(call, usageOf(bytes / 2, 1));
  const { inputTokens } = reservations.expect(call);
  expect(Math.abs(inputTokens - bytes / 2)).toBeLessThanOrEqual(1);
  for (let each = 0; each < 100; each++) reservations.learn(call, usageOf(bytes / 5, 1));
  expect(Math.abs(reservations.expect(call).inputTokens - bytes / 5)).toBeLessThan(bytes * 0.01);
});

test("a conversation that the provider keeps does not spoil what is known of bytes", () => {
  const reservations = new Reservations();
  const call = callOf({ endpoint: "responses", request: { previous_response_id: "resp_1" } });
  const before = reservations.expect(call).inputTokens;
  for (let each = 0; each < 50; each++) reservations.learn(call, usageOf(100_000, 10));
  expect(reservations.expect(call).inputTokens).toBe(before);
  expect(reservations.expect(call).outputTokens).toBe(10);
});

test("pictures and files count as what they are, and not as text", () => {
  const base64 = "iVBORw0KGgo".repeat(100_000);
  const text = "What is to be seen here? ".repeat(10);
  const openAi = [
    { type: "text", text },
    { type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } },
  ];
  const anthropic = [
    { type: "text", text },
    { type: "image", source: { type: "base64", media_type: "image/png", data: base64 } },
  ];
  for (const content of [openAi, anthropic]) {
    const call = callOf({ request: { messages: [{ role: "user", content }] } });
    const { inputTokens } = new Reservations().expect(call);
    expect(inputTokens).toBeGreaterThan(1_600);
    expect(inputTokens).toBeLessThan(1_800);
  }
});

test("embeddings, moderations and counting have no output", () => {
  const reservations = new Reservations();
  for (const endpoint of ["embeddings", "moderations", "count_tokens"] as const) {
    const call = callOf({ endpoint, request: { input: "Hello", max_tokens: 1_000 } });
    learn(reservations, 40, 5, call);
    expect(reservations.expect(call).outputTokens).toBe(0);
  }
  expect(reservations.expect(callOf()).outputTokens).toBe(4_096);
});

test("whatever a request says, what is reserved is a count", () => {
  const anything = fc.oneof(fc.anything(), fc.integer(), fc.double(), fc.maxSafeInteger());
  const request = fc.record(
    { max_tokens: anything, max_completion_tokens: anything, n: anything, best_of: anything },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(request, fc.nat(40), (fields, answers) => {
      const json = JSON.parse(
        JSON.stringify(fields, (_name, value: unknown) =>
          typeof value === "bigint" ? String(value) : value,
        ),
      ) as JsonObject;
      const reservations = new Reservations();
      learn(reservations, answers, 123);
      const { inputTokens, outputTokens } = reservations.expect(callOf({ request: json }));
      expect(Number.isSafeInteger(inputTokens) && inputTokens >= 1).toBe(true);
      expect(Number.isSafeInteger(outputTokens) && outputTokens >= 0).toBe(true);
    }),
  );
});

test("the percentile is that of the last counts, sorted, at most a few counts ago", () => {
  fc.assert(
    fc.property(fc.array(fc.nat(1_000_000), { minLength: 1, maxLength: 400 }), (counts) => {
      const recent = new RecentCounts();
      const seen: number[] = [];
      for (const count of counts) {
        recent.add(count);
        seen.push(count);
      }
      const sorted = seen.slice(-128).sort((left, right) => left - right);
      expect(recent.count).toBe(counts.length);
      expect(recent.percentile95).toBe(sorted[Math.ceil(sorted.length * 0.95) - 1]);
    }),
  );
  const recent = new RecentCounts();
  for (let count = 1; count <= 100; count++) recent.add(count);
  expect(recent.percentile95).toBe(95);
  for (let each = 0; each < 8; each++) recent.add(1_000);
  expect(recent.percentile95).toBe(1_000);
});
