import { expect, test } from "vitest";

import { readCounts } from "../../../../src/providers/anthropic/answer/usage.ts";

const counts = {
  input_tokens: 10,
  cache_read_input_tokens: 200,
  cache_creation_input_tokens: 30,
  output_tokens: 4,
};
const plain = {
  inputTokens: 240,
  cachedInputTokens: 200,
  cacheWriteTokens: 30,
  outputTokens: 4,
  reasoningTokens: 0,
};

test("what is kept for an hour is told apart from what is kept for five minutes", () => {
  const written = { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 };
  expect(readCounts({ ...counts, cache_creation: written })).toEqual({
    ...plain,
    cacheWrite1hTokens: 10,
  });
  expect(readCounts({ ...counts, cache_creation: null })).toEqual(plain);
});

test("searches of the web are counted", () => {
  const tools = { web_search_requests: 3, web_fetch_requests: 1 };
  expect(readCounts({ ...counts, server_tool_use: tools })).toEqual({ ...plain, webSearches: 3 });
});

test.each([
  [{ service_tier: "standard" }, undefined],
  [{ service_tier: "standard", speed: "standard", inference_geo: "global" }, undefined],
  [{ inference_geo: "not_available" }, undefined],
  [{ service_tier: "priority" }, "priority"],
  [{ service_tier: "batch" }, "batch"],
  [{ service_tier: "standard", speed: "fast" }, "fast"],
  [{ service_tier: "standard", inference_geo: "us" }, "us"],
  [{ service_tier: "standard", speed: "fast", inference_geo: "us" }, "fast+us"],
])("of %j what is not charged as usual is %j", (told, tier) => {
  expect(readCounts({ ...counts, ...told })).toEqual(
    tier === undefined ? plain : { ...plain, serviceTier: tier },
  );
});
