import { expect, test } from "vitest";

import { picoUsdPerToken } from "../../../../src/config/token-price.ts";
import { fromObject } from "../../../../src/lib/json-text.ts";
import type { Endpoint } from "../../../../src/protocol/endpoints.ts";
import {
  expectedTokens,
  outputTokensIfNotLimited,
} from "../../../../src/providers/prices/expected-tokens.ts";

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
