import { expect, test } from "vitest";

import { picoUsdPerToken } from "../../../src/config/token-price.ts";
import { fromObject } from "../../../src/lib/json-text.ts";
import type { Endpoint } from "../../../src/protocol/endpoints.ts";
import { listedPrice } from "../../../src/providers/prices/price-list.ts";
import {
  costOf,
  expectedTokens,
  outputTokensIfNotLimited,
} from "../../../src/providers/prices/price.ts";

test.each([
  ["0.15", 150_000],
  [0.15, 150_000],
  [0.1 + 0.2, undefined],
  ["10", 10_000_000],
  [0, 0],
  ["0.000001", 1],
  ["0.0000001", undefined],
  [1e-7, undefined],
  ["-1", undefined],
  ["1,5", undefined],
  ["", undefined],
  [Number.NaN, undefined],
])("%j US$ for a million tokens are %j pico-dollars for one", (amount, picoUsd) => {
  expect(picoUsdPerToken(amount)).toBe(picoUsd);
});

const openAi = { type: "openai", baseUrl: "https://api.openai.com/v1" } as const;

test("a model's list price is known by its vendor", () => {
  expect(listedPrice(openAi, "gpt-4o-mini")).toEqual([
    { aboveInputTokens: 0, inputPicoUsd: 150_000, outputPicoUsd: 600_000 },
  ]);
});

test("a vendor behind an OpenAI-compatible address is known by it, and a stranger is not", () => {
  const compatible = (baseUrl: string) => ({ type: "openai-compatible", baseUrl }) as const;
  const groq = compatible("https://api.groq.com/openai/v1");
  expect(listedPrice(groq, "llama-3.3-70b-versatile")).toBeDefined();
  expect(listedPrice(compatible("http://10.0.0.1/v1"), "gpt-4o-mini")).toBeUndefined();
});

test("no price is made up: neither for an unknown model nor for one that is served at home", () => {
  expect(listedPrice(openAi, "no-such-model")).toBeUndefined();
  const ollama = { type: "ollama", baseUrl: "http://127.0.0.1:11434/v1" } as const;
  expect(listedPrice(ollama, "gpt-4o-mini")).toBeUndefined();
});

test("a long prompt costs what the list says for long prompts", () => {
  const google = { type: "google", baseUrl: "https://example.test" } as const;
  const price = listedPrice(google, "gemini-2.5-pro") ?? [];
  expect(price.length).toBeGreaterThan(1);
  const short = costOf(price, { inputTokens: 200_000, outputTokens: 0 }) ?? 0n;
  const over = costOf(price, { inputTokens: 200_001, outputTokens: 0 }) ?? 0n;
  expect(short).toBe(200_000n * 1_250_000n);
  expect(over).toBe(200_001n * 2_500_000n);
});

test("costs stay exact where a number would not", () => {
  const price = [{ aboveInputTokens: 0, inputPicoUsd: 999_999_999_999, outputPicoUsd: 1 }];
  expect(costOf(price, { inputTokens: 10_000_001, outputTokens: 1 })).toBe(
    999_999_999_999n * 10_000_001n + 1n,
  );
});

test("what has no price for output has no cost where there is output", () => {
  const price = [{ aboveInputTokens: 0, inputPicoUsd: 20_000, outputPicoUsd: undefined }];
  expect(costOf(price, { inputTokens: 10, outputTokens: 0 })).toBe(200_000n);
  expect(costOf(price, { inputTokens: 10, outputTokens: 1 })).toBeUndefined();
});

function expected(endpoint: Endpoint, value: object): ReturnType<typeof expectedTokens> {
  const request = fromObject({ ...value });
  return expectedTokens({ endpoint, request, requestBytes: Buffer.from(request.text) });
}

test("a request's tokens are reckoned from its size and from the most that may be written", () => {
  const prompt = "x".repeat(4_000);
  const { inputTokens } = expected("chat", { messages: prompt });
  expect(inputTokens).toBeGreaterThanOrEqual(1_000);
  expect(inputTokens).toBeLessThan(1_010);
  expect(expected("chat", {}).outputTokens).toBe(outputTokensIfNotLimited);
  expect(expected("chat", { max_tokens: null }).outputTokens).toBe(outputTokensIfNotLimited);
  expect(expected("chat", { max_tokens: 7 }).outputTokens).toBe(7);
  expect(expected("chat", { max_completion_tokens: 8, n: 3 }).outputTokens).toBe(24);
  expect(expected("responses", { max_output_tokens: 9 }).outputTokens).toBe(9);
  expect(expected("embeddings", { input: "a" }).outputTokens).toBe(0);
  expect(expected("chat", { max_tokens: 1e300 }).outputTokens).toBe(outputTokensIfNotLimited);
});
