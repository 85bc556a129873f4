import { expect, test } from "vitest";

import { readUsageMetadata } from "../../../../src/providers/google/answer/usage-metadata.ts";

const metadata = { promptTokenCount: 100, candidatesTokenCount: 50 };
const plain = {
  inputTokens: 100,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 50,
  reasoningTokens: 0,
};

test("what is spoken or drawn is told apart, also in what Google's own tools found", () => {
  const of = (modality: string, tokenCount: unknown) => ({ modality, tokenCount });
  const told = {
    ...metadata,
    toolUsePromptTokenCount: 20,
    promptTokensDetails: [of("TEXT", 40), of("AUDIO", 60)],
    toolUsePromptTokensDetails: [of("AUDIO", 5)],
    cacheTokensDetails: [of("AUDIO", 10), of("TEXT", 10)],
    cachedContentTokenCount: 20,
    candidatesTokensDetails: [of("IMAGE", 30), of("AUDIO", 15), of("AUDIO", "many"), null],
  };
  expect(readUsageMetadata(told)).toEqual({
    ...plain,
    inputTokens: 120,
    cachedInputTokens: 20,
    inputAudioTokens: 65,
    cachedAudioTokens: 10,
    outputAudioTokens: 15,
    outputImageTokens: 30,
  });
});

test.each([
  [undefined, undefined],
  ["ON_DEMAND", undefined],
  ["TRAFFIC_TYPE_UNSPECIFIED", undefined],
  ["standard", undefined],
  ["SERVICE_TIER_STANDARD", undefined],
  ["ON_DEMAND_PRIORITY", "priority"],
  ["ON_DEMAND_FLEX", "flex"],
  ["flex", "flex"],
  ["PROVISIONED_THROUGHPUT", "provisioned_throughput"],
])("traffic of the type %j is served at the tier %j", (trafficType, tier) => {
  const expected = tier === undefined ? plain : { ...plain, serviceTier: tier };
  expect(readUsageMetadata({ ...metadata, trafficType })).toEqual(expected);
  expect(readUsageMetadata(metadata, trafficType)).toEqual(expected);
});
