import { countTokens } from "gpt-tokenizer/encoding/o200k_base";
import { expect, test, vi } from "vitest";

import { fromObject } from "../../../../src/lib/json-text.ts";
import type { JsonObject } from "../../../../src/lib/json-text.ts";
import { loadTokenizers } from "../../../../src/lib/tokenizers.ts";
import { DeliveredText } from "../../../../src/pipeline/cost/delivered-text.ts";
import { estimateUsage } from "../../../../src/pipeline/cost/estimate-usage.ts";
import { estimateTextTokens, tokenizerOf } from "../../../../src/pipeline/cost/tokenizers.ts";
import { beginStages } from "../../../../src/pipeline/stage-times.ts";
import type { Exchange } from "../../../../src/pipeline/exchange.ts";
import type { Endpoint } from "../../../../src/protocol/endpoints.ts";
import { makeEvent } from "../../../../src/protocol/sse.ts";

const base = {
  id: "01",
  clientRequestId: undefined,
  caller: { tenantId: "acme", keyId: "k1", role: "inference", policies: [] },
  isStream: false,
  tags: {},
  userAgent: undefined,
  trace: undefined,
  startedEpochMs: 0,
  startedTickMs: 0,
} as const;

function exchange({
  endpoint = "chat",
  servedBy = "gpt-4o",
  request,
  answer,
  delivered,
}: {
  readonly endpoint?: Endpoint;
  readonly servedBy?: string;
  readonly request: JsonObject;
  readonly answer?: string;
  readonly delivered?: DeliveredText;
}): Exchange {
  const json = fromObject(request);
  return {
    ...base,
    endpoint,
    model: "alias",
    request: json,
    requestBytes: Buffer.from(json.text),
    attempts: [{ provider: "p", model: servedBy, startedTickMs: 0 }],
    stages: beginStages(0, undefined),
    ...(answer === undefined ? {} : { answerBytes: Buffer.from(answer) }),
    ...(delivered === undefined ? {} : { delivered }),
  };
}

const english =
  "The committee met on Tuesday to discuss whether the old harbour should be dredged again.";

test("until the tokenizers are there it is guessed from the bytes", async () => {
  // Another test of this process may have loaded them.
  vi.resetModules();
  const fresh = await import("../../../../src/pipeline/cost/estimate-usage.ts");
  const { inputTokens } = fresh.estimateUsage(exchange({ request: { prompt: english } }));
  expect(inputTokens).toBe(Math.ceil(english.length / 4));
});

/** (https://cookbook.openai.com/examples/how_to_count_tokens_with_tiktoken, read 2026-11-21) */
const counted = [
  {
    role: "system",
    content:
      "You are a helpful, pattern-following assistant that translates corporate jargon into plain English.",
  },
  {
    role: "system",
    name: "example_user",
    content: "New synergies will help drive top-line growth.",
  },
  {
    role: "system",
    name: "example_assistant",
    content: "Things working well together will increase revenue.",
  },
  {
    role: "system",
    name: "example_user",
    content:
      "Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage.",
  },
  {
    role: "system",
    name: "example_assistant",
    content: "Let's talk later when we're less busy about how to do better.",
  },
  {
    role: "user",
    content:
      "This late pivot means we don't have time to boil the ocean for the client deliverable.",
  },
];

test("counts a chat as OpenAI's API has counted it", async () => {
  await loadTokenizers();
  const inputOf = (servedBy: string) =>
    estimateUsage(exchange({ servedBy, request: { messages: counted } })).inputTokens;
  expect(inputOf("gpt-4o")).toBe(124);
  expect(inputOf("gpt-4o-mini")).toBe(124);
  expect(inputOf("gpt-4-0613")).toBe(129);
  expect(inputOf("gpt-3.5-turbo")).toBe(129);
});

test("counts what a stream has delivered, also beyond what of it is kept", async () => {
  await loadTokenizers();
  const delivered = new DeliveredText("chat");
  const event = makeEvent(`{"choices":[{"delta":{"content":${JSON.stringify(`${english}\n`)}}}]}`);
  delivered.add([event]);
  const request = { messages: [] };
  expect(estimateUsage(exchange({ request, delivered })).outputTokens).toBe(
    countTokens(`${english}\n`),
  );
  for (let count = 1; count < 5_000; count++) delivered.add([event]);
  expect(delivered.isTruncated).toBe(true);
  const { outputTokens } = estimateUsage(exchange({ request, delivered }));
  const exact = countTokens(`${english}\n`) * 5_000;
  expect(Math.abs(outputTokens - exact) / exact).toBeLessThan(0.02);
});

test("counts a whole answer that came without usage, and nothing in one that cannot be read", async () => {
  await loadTokenizers();
  const request = { messages: [] };
  const answer = JSON.stringify({ choices: [{ message: { content: english } }] });
  const expected = { cachedInputTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 };
  expect(estimateUsage(exchange({ request, answer }))).toEqual({
    ...expected,
    inputTokens: 3,
    outputTokens: countTokens(english),
  });
  expect(estimateUsage(exchange({ request, answer: "<html>" })).outputTokens).toBe(0);
  expect(estimateUsage(exchange({ request })).outputTokens).toBe(0);
  const vectors = JSON.stringify({ data: [{ embedding: [0.1] }] });
  const embedded = exchange({ endpoint: "embeddings", request: { input: "a" }, answer: vectors });
  expect(estimateUsage(embedded).outputTokens).toBe(0);
});

test("of a long text a sample is counted, in little time and close to the whole", async () => {
  await loadTokenizers();
  const code = 'const value = await fetchThing(37, { retries: 3 }); // "strange"\n';
  const mixed = [english.repeat(800), code.repeat(1_000), "委员会星期二开会讨论。".repeat(3_000)];
  const exact = mixed.reduce((sum, text) => sum + countTokens(text), 0);
  const estimated = estimateTextTokens("gpt-4o", mixed);
  expect(Math.abs(estimated - exact) / exact).toBeLessThan(0.1);
  const manySmall = Array.from({ length: 50_000 }, (_, index) => `word ${index % 100} `);
  const exactSmall = manySmall.reduce((sum, text) => sum + countTokens(text), 0);
  const startedMs = performance.now();
  const estimatedSmall = estimateTextTokens("gpt-4o", manySmall);
  expect(performance.now() - startedMs).toBeLessThan(500);
  expect(Math.abs(estimatedSmall - exactSmall) / exactSmall).toBeLessThan(0.1);
});

test("a request with more parts than are walked is estimated from its whole text", async () => {
  await loadTokenizers();
  const content = Array.from({ length: 100_000 }, () => ({ type: "text", text: "word" }));
  const { inputTokens } = estimateUsage(
    exchange({ request: { messages: [{ role: "user", content }] } }),
  );
  expect(inputTokens).toBeGreaterThan(100_000);
});

test.each([
  ["gpt-4o-2024-08-06", "o200k", 1],
  ["gpt-4.1-mini", "o200k", 1],
  ["gpt-5", "o200k", 1],
  ["o3", "o200k", 1],
  ["gpt-4", "cl100k", 1],
  ["gpt-4-turbo", "cl100k", 1],
  ["openai/gpt-3.5-turbo", "cl100k", 1],
  ["ft:gpt-3.5-turbo:acme::1", "cl100k", 1],
  ["text-embedding-3-small", "cl100k", 1],
  ["llama-3.3-70b", "o200k", 1],
  ["gemini-2.5-pro", "o200k", 1],
  ["claude-3-5-sonnet-20241022", "o200k", 1.18],
  ["claude-opus-4-20250514", "o200k", 1.18],
  ["claude-sonnet-4-5", "o200k", 1.18],
  ["anthropic/claude-opus-4.6", "o200k", 1.18],
  ["claude-opus-4-7", "o200k", 1.53],
  ["anthropic.claude-opus-5-5-v1:0", "o200k", 1.53],
  ["claude-sonnet-5", "o200k", 1.53],
  ["claude-next", "o200k", 1.53],
])("%s counts with %s, times %d", (model, encoding, factor) => {
  expect(tokenizerOf(model)).toEqual({ encoding, factor });
});
