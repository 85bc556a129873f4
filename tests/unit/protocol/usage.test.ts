import fc from "fast-check";
import { expect, test } from "vitest";

import { readUsage } from "../../../src/protocol/usage.ts";

test("chat's names are read, with cached and reasoning tokens", () => {
  const usage = {
    prompt_tokens: 100,
    completion_tokens: 50,
    total_tokens: 150,
    prompt_tokens_details: { cached_tokens: 80, audio_tokens: 0 },
    completion_tokens_details: { reasoning_tokens: 30 },
  };
  expect(readUsage(usage)).toEqual({
    inputTokens: 100,
    cachedInputTokens: 80,
    cacheWriteTokens: 0,
    outputTokens: 50,
    reasoningTokens: 30,
  });
});

test("the names of Responses are read the same way", () => {
  const usage = {
    input_tokens: 100,
    output_tokens: 50,
    input_tokens_details: { cached_tokens: 80 },
    output_tokens_details: { reasoning_tokens: 30 },
  };
  expect(readUsage(usage)).toEqual({
    inputTokens: 100,
    cachedInputTokens: 80,
    cacheWriteTokens: 0,
    outputTokens: 50,
    reasoningTokens: 30,
  });
});

test("an embedding has no output", () => {
  expect(readUsage({ prompt_tokens: 8, total_tokens: 8 })).toEqual({
    inputTokens: 8,
    cachedInputTokens: 0,
    cacheWriteTokens: 0,
    outputTokens: 0,
    reasoningTokens: 0,
  });
});

test("no tokens at all are a count, too", () => {
  expect(readUsage({ prompt_tokens: 0, completion_tokens: 0 })).toMatchObject({ inputTokens: 0 });
});

test.each([null, [], "many", { prompt_tokens_details: null, completion_tokens_details: 5 }])(
  "details that are no object are none: %j",
  (details) => {
    const usage = { prompt_tokens: 1, completion_tokens: 2, prompt_tokens_details: details };
    expect(readUsage(usage)).toMatchObject({ cachedInputTokens: 0, reasoningTokens: 0 });
  },
);

test.each([
  undefined,
  null,
  "5",
  [],
  {},
  { completion_tokens: 5 },
  { prompt_tokens: "5" },
  { prompt_tokens: -1 },
  { prompt_tokens: 1.5 },
  { prompt_tokens: Number.MAX_SAFE_INTEGER + 1 },
])("what holds no counts is not made up: %j", (usage) => {
  expect(readUsage(usage)).toBeUndefined();
});

test("whatever comes, counts are whole numbers from 0 up", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.jsonValue(), fc.jsonValue(), (input, output, cached) => {
      const usage = readUsage({
        prompt_tokens: input,
        completion_tokens: output,
        prompt_tokens_details: { cached_tokens: cached },
      });
      for (const count of Object.values(usage ?? {})) {
        expect(Number.isSafeInteger(count) && count >= 0).toBe(true);
      }
    }),
  );
});

const counted = { prompt_tokens: 100, completion_tokens: 50 };
const plain = {
  inputTokens: 100,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 50,
  reasoningTokens: 0,
};

test("what is spoken or drawn is told apart", () => {
  const usage = {
    ...counted,
    prompt_tokens_details: { audio_tokens: 60, cached_tokens_details: { audio_tokens: 20 } },
    completion_tokens_details: { audio_tokens: 40, image_tokens: 5 },
  };
  expect(readUsage(usage)).toEqual({
    ...plain,
    inputAudioTokens: 60,
    cachedAudioTokens: 20,
    outputAudioTokens: 40,
    outputImageTokens: 5,
  });
});

test.each([undefined, null, "default", "standard", "auto", "on_demand", "", 7])(
  "a tier of %j is the standard one",
  (tier) => {
    expect(readUsage(counted, { service_tier: tier })).toEqual(plain);
  },
);

test("the answer says at which tier it was served, in few letters", () => {
  expect(readUsage(counted, { service_tier: "flex" })).toEqual({ ...plain, serviceTier: "flex" });
  const endless = readUsage(counted, { service_tier: "x".repeat(10_000) });
  expect(endless?.serviceTier?.length).toBeLessThan(100);
});

test("searches are counted where the vendor lists or counts them", () => {
  const openRouter = { ...counted, server_tool_use: { web_search_requests: 2 } };
  expect(readUsage(openRouter)).toEqual({ ...plain, webSearches: 2 });
  expect(readUsage({ ...counted, num_search_queries: 3 })).toEqual({ ...plain, webSearches: 3 });
  const output = [
    { type: "reasoning" },
    { type: "web_search_call", action: { type: "search" } },
    { type: "web_search_call" },
    { type: "web_search_call", action: { type: "open_page" } },
    { type: "message" },
    "not an item",
  ];
  expect(readUsage(counted, { output })).toEqual({ ...plain, webSearches: 2 });
});

test("what is charged by neither tokens nor searches shows", () => {
  const output = [{ type: "code_interpreter_call" }];
  expect(readUsage(counted, { output })).toEqual({ ...plain, hasOtherCharges: true });
  expect(readUsage(counted, { output: [{ type: "function_call" }] })).toEqual(plain);
});
