import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import type { ProviderType } from "../../../../src/config/gateway-config.ts";
import { vendors } from "../../../../src/config/vendors.ts";
import type { Usage } from "../../../../src/protocol/usage.ts";
import { listedPrice, listVersion } from "../../../../src/providers/prices/price-list.ts";
import { costOf } from "../../../../src/providers/prices/quote.ts";
import type { UsageCost } from "../../../../src/providers/prices/quote.ts";
import { Quotes } from "../../../../src/providers/prices/quotes.ts";

/** An afternoon in November 2026, UTC: off-peak everywhere. */
const someTime = "2026-11-21T12:00:00Z";

function costAt(
  time: string,
  type: ProviderType,
  model: string,
  used: Partial<Usage>,
): UsageCost | undefined {
  const vendor = Object.entries(vendors).find(([name]) => name === type)?.[1];
  const baseUrl =
    vendor !== undefined && "baseUrl" in vendor ? vendor.baseUrl : "http://10.0.0.1/v1";
  const quotes = new Quotes({
    providers: [{ name: "it", type, baseUrl }],
    prices: [],
    listedPrice,
    clock: { epochMs: () => Date.parse(time) },
  });
  const quote = quotes.quoteOf("it", model);
  return quote && costOf(quote, { ...nothing, ...used });
}

const nothing = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/** Reckoned by hand from the vendors' price pages as the list has them; US$ for a million tokens stand at the right. */
const exact: readonly (readonly [string, ProviderType, string, Partial<Usage>, number])[] = [
  // 6000 × 0.15 + 4000 × 0.075 + 500 × 0.60
  [
    "cached",
    "openai",
    "gpt-4o-mini",
    { inputTokens: 10_000, cachedInputTokens: 4_000, outputTokens: 500 },
    1_500_000,
  ],
  // 1000 × 1.25 + 2000 × 10: reasoning is output, and not charged twice
  [
    "reasoning",
    "openai",
    "gpt-5",
    { inputTokens: 1_000, outputTokens: 2_000, reasoningTokens: 1_500 },
    21_250_000,
  ],
  // 271,999 × 2.50 + 1000 × 15
  ["short prompt", "openai", "gpt-5.4", { inputTokens: 271_999, outputTokens: 1_000 }, 694_997_500],
  // 272,000 × 5 + 1000 × 22.50: all of its tokens, not those beyond the limit alone
  [
    "long prompt",
    "openai",
    "gpt-5.4",
    { inputTokens: 272_000, outputTokens: 1_000 },
    1_382_500_000,
  ],
  // no discount for cached tokens in the list: 1000 × 5
  [
    "cached, no discount",
    "openai",
    "gpt-4o-2024-05-13",
    { inputTokens: 1_000, cachedInputTokens: 900 },
    5_000_000,
  ],
  // (1000 × 1.25 + 100 × 10) ÷ 2
  [
    "flex",
    "openai",
    "gpt-5",
    { inputTokens: 1_000, outputTokens: 100, serviceTier: "flex" },
    1_125_000,
  ],
  // (1000 × 0.25 + 100 × 2) × 9/5
  [
    "priority",
    "openai",
    "gpt-5-mini",
    { inputTokens: 1_000, outputTokens: 100, serviceTier: "priority" },
    810_000,
  ],
  // 1 × 0.075 × 5/3 = 0.125
  [
    "priority, cached",
    "openai",
    "gpt-4o-mini",
    { inputTokens: 1, cachedInputTokens: 1, serviceTier: "priority" },
    125,
  ],
  // (1000 × 10) × 6
  [
    "ultrafast",
    "openai",
    "gpt-6-astra",
    { inputTokens: 1_000, serviceTier: "ultrafast" },
    60_000_000,
  ],
  // 200 × 2.50 + 800 × 32 + 100 × 10 + 400 × 64
  [
    "audio",
    "openai",
    "gpt-audio",
    { inputTokens: 1_000, inputAudioTokens: 800, outputTokens: 500, outputAudioTokens: 400 },
    52_700_000,
  ],
  // 1000 × 2 + two searches at 10 US$ for a thousand; flex halves tokens, not searches
  ["web search", "openai", "gpt-4.1", { inputTokens: 1_000, webSearches: 2 }, 22_000_000],
  [
    "web search, flex",
    "openai",
    "gpt-4.1",
    { inputTokens: 1_000, webSearches: 2, serviceTier: "flex" },
    21_000_000,
  ],
  // 1 × 0.02
  ["embedding", "openai", "text-embedding-3-small", { inputTokens: 1 }, 20],
  ["moderation", "openai", "omni-moderation-latest", { inputTokens: 1_000 }, 0],
  // 2000 × 3 + 5000 × 0.30 + 2000 × 3.75 + 1000 × 6 + 400 × 15
  [
    "caches of both lengths",
    "anthropic",
    "claude-sonnet-4-5",
    {
      inputTokens: 10_000,
      cachedInputTokens: 5_000,
      cacheWriteTokens: 3_000,
      cacheWrite1hTokens: 1_000,
      outputTokens: 400,
    },
    27_000_000,
  ],
  ["dated name", "anthropic", "claude-sonnet-4-5-20250929", { inputTokens: 1_000 }, 3_000_000],
  // 200,001 × 6
  ["long prompt", "anthropic", "claude-sonnet-4-5", { inputTokens: 200_001 }, 1_200_006_000],
  // since 13 March 2026 one price for any length: 200,001 × 3
  [
    "long prompt, flat price",
    "anthropic",
    "claude-sonnet-4-6",
    { inputTokens: 200_001 },
    600_003_000,
  ],
  // 1000 × 5 × 6 × 1.1
  [
    "fast, in the US",
    "anthropic",
    "claude-opus-4-6",
    { inputTokens: 1_000, serviceTier: "fast+us" },
    33_000_000,
  ],
  // (1000 × 1 + 100 × 5) ÷ 2
  [
    "batch",
    "anthropic",
    "claude-haiku-4-5",
    { inputTokens: 1_000, outputTokens: 100, serviceTier: "batch" },
    750_000,
  ],
  // 200,000 × 1.25, and 200,001 × 2.50
  ["short prompt", "google", "gemini-2.5-pro", { inputTokens: 200_000 }, 250_000_000],
  ["long prompt", "google", "gemini-2.5-pro", { inputTokens: 200_001 }, 500_002_500],
  // 200 × 0.30 + 200 × 0.03 + 600 × 1 + 100 × 2.50
  [
    "audio and cache",
    "google",
    "gemini-2.5-flash",
    { inputTokens: 1_000, inputAudioTokens: 600, cachedInputTokens: 200, outputTokens: 100 },
    916_000,
  ],
  // 10 × 0.30 + 1290 × 30
  [
    "an image",
    "google",
    "gemini-2.5-flash-image",
    { inputTokens: 10, outputTokens: 1_290, outputImageTokens: 1_290 },
    38_703_000,
  ],
  // (1000 × 0.75) × 1.8
  [
    "priority",
    "google",
    "gemini-3.7-flash",
    { inputTokens: 1_000, serviceTier: "priority" },
    1_350_000,
  ],
  // one price for what is spoken and written: 1000 × 0.30
  [
    "audio without a price of its own",
    "google",
    "gemini-3.5-flash-lite",
    { inputTokens: 1_000, inputAudioTokens: 900 },
    300_000,
  ],
  // 500 × 0.50 + 500 × 0.05 + 200 × 1.50
  [
    "cached",
    "mistral",
    "mistral-large-2512",
    { inputTokens: 1_000, cachedInputTokens: 500, outputTokens: 200 },
    575_000,
  ],
  // 199,999 × 1.25, and 200,000 × 2.50: the limit belongs to the long ones
  ["short prompt", "xai", "grok-4.3", { inputTokens: 199_999 }, 249_998_750],
  ["long prompt", "xai", "grok-4.3", { inputTokens: 200_000 }, 500_000_000],
  // 1 × 0.0375 = 37.5, rounded up
  [
    "half a nano-dollar",
    "groq",
    "openai/gpt-oss-20b",
    { inputTokens: 1, cachedInputTokens: 1 },
    38,
  ],
  [
    "flex",
    "groq",
    "llama-3.3-70b-versatile",
    { inputTokens: 1_000, outputTokens: 1_000, serviceTier: "flex" },
    1_380_000,
  ],
  ["the demo", "demo", "anything", { inputTokens: 1_000_000, outputTokens: 1_000_000 }, 0],
];

test.each(exact)("%s at %s, %s: %j costs %i nano-dollars", (_what, type, model, used, nanoUsd) => {
  expect(costAt(someTime, type, model, used)).toEqual({ nanoUsd, isExact: true });
});

/** The amount is the best that is known, and it is said that it is a guess. */
const guesses: readonly (readonly [string, ProviderType, string, Partial<Usage>, number])[] = [
  [
    "a name that is longer than any known",
    "anthropic",
    "claude-sonnet-4-6-hypothetical",
    { inputTokens: 1_000 },
    3_000_000,
  ],
  [
    "a tier that nobody knows",
    "openai",
    "gpt-5",
    { inputTokens: 1_000, serviceTier: "scale" },
    1_250_000,
  ],
  [
    "priority for a model without a price for it",
    "openai",
    "gpt-5-nano",
    { inputTokens: 1_000, serviceTier: "priority" },
    50_000,
  ],
  [
    "priority for a long prompt",
    "openai",
    "gpt-5.4",
    { inputTokens: 272_000, serviceTier: "priority" },
    2_720_000_000,
  ],
  [
    "one known tier and one unknown",
    "anthropic",
    "claude-sonnet-4-6",
    { inputTokens: 1_000, serviceTier: "priority+us" },
    3_300_000,
  ],
  [
    "more cached than there was input",
    "openai",
    "gpt-4o-mini",
    { inputTokens: 100, cachedInputTokens: 5_000 },
    7_500,
  ],
  [
    "spoken tokens, for which no price is known",
    "openai",
    "gpt-4o-audio-preview",
    { inputTokens: 1_000, inputAudioTokens: 1_000 },
    2_500_000,
  ],
  [
    "a search that nobody has a price for",
    "mistral",
    "mistral-large-2512",
    { inputTokens: 1_000, webSearches: 1 },
    500_000,
  ],
  [
    "something charged by neither tokens nor searches",
    "openai",
    "gpt-5",
    { inputTokens: 1_000, hasOtherCharges: true },
    1_250_000,
  ],
  ["a deployment of Azure's", "azure-openai", "gpt-4o", { inputTokens: 1_000 }, 2_500_000],
  [
    "whoever OpenRouter asked",
    "openrouter",
    "anthropic/claude-sonnet-4.5",
    { inputTokens: 1_000 },
    3_000_000,
  ],
  [
    "a price by the hour, off-peak",
    "deepseek",
    "deepseek-v4-pro",
    { inputTokens: 1_000, cachedInputTokens: 400, outputTokens: 100 },
    602_800,
  ],
];

test.each(guesses)("%s (%s, %s): the cost is an estimate", (_what, type, model, used, nanoUsd) => {
  expect(costAt(someTime, type, model, used)).toEqual({ nanoUsd, isExact: false });
});

test.each<readonly [string, ProviderType, string]>([
  ["an unknown model", "openai", "no-such-model"],
  ["a model of another vendor's", "openai", "claude-sonnet-4-5"],
  ["what is served at home", "ollama", "gpt-4o-mini"],
  ["what is served at home by another", "vllm", "gpt-4o-mini"],
  ["a stranger's address", "openai-compatible", "gpt-4o-mini"],
  ["a model that is charged by the hour of speech", "openai", "whisper-1"],
])("%s has no price, which is not the same as free", (_what, type, model) => {
  expect(costAt(someTime, type, model, { inputTokens: 1_000 })).toBeUndefined();
});

test("what has no price for output has no cost where there is output", () => {
  const model = "text-embedding-3-small";
  expect(costAt(someTime, "openai", model, { inputTokens: 10, outputTokens: 1 })).toBeUndefined();
});

test("peak hours cost what they cost", () => {
  const used = { inputTokens: 1_000 };
  const at = (hour: string) =>
    costAt(`2026-11-20T${hour}Z`, "deepseek", "deepseek-v4-pro", used)?.nanoUsd;
  expect(at("00:59:59")).toBe(660_000);
  expect(at("01:00:00")).toBe(1_320_000);
  expect(at("04:00:00")).toBe(660_000);
});

test("an introductory price ends when the list says so", () => {
  const used = { inputTokens: 1_000 };
  expect(costAt("2026-12-31T23:59:59Z", "google", "gemini-3.8-flash", used)?.nanoUsd).toBe(750_000);
  expect(costAt("2027-01-01T00:00:00Z", "google", "gemini-3.8-flash", used)?.nanoUsd).toBe(
    1_500_000,
  );
});

test("records name the version of the list that is installed", async () => {
  const root = new URL("../../../../package.json", import.meta.url);
  const { dependencies } = JSON.parse(await readFile(root, "utf8")) as {
    readonly dependencies: Readonly<Record<string, string>>;
  };
  expect(listVersion, "correct listVersion, and look at the prices").toBe(
    dependencies["@pydantic/genai-prices"],
  );
});
