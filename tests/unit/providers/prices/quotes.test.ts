import { expect, test } from "vitest";

import type { ConfiguredPrice, PriceAmounts } from "../../../../src/config/price-config.ts";
import { isVeryModel } from "../../../../src/providers/prices/model-match.ts";
import { listedPrice } from "../../../../src/providers/prices/price-list.ts";
import { costOf } from "../../../../src/providers/prices/quote.ts";
import { Quotes } from "../../../../src/providers/prices/quotes.ts";
import { manualClock } from "../../../support/manual-clock.ts";

const openai = { name: "openai", type: "openai", baseUrl: "https://api.openai.com/v1" } as const;
const anthropic = {
  name: "claude",
  type: "anthropic",
  baseUrl: "https://api.anthropic.com/v1",
} as const;
const home = { name: "home", type: "vllm", baseUrl: "http://127.0.0.1:8001/v1" } as const;

const own = (
  provider: string,
  model: string,
  amounts: Partial<PriceAmounts> = {},
): ConfiguredPrice => ({
  provider,
  model,
  version: `${provider}/${model}`,
  source: "file",
  amounts: { inputPicoUsd: 1_000_000, outputPicoUsd: 2_000_000, ...amounts },
});

const quotesOf = (prices: readonly ConfiguredPrice[], lookUp = listedPrice) =>
  new Quotes({
    providers: [openai, anthropic, home],
    prices,
    listedPrice: lookUp,
    clock: manualClock(),
  });

const million = {
  inputTokens: 1_000_000,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

test("the operator's own price goes before the list's, and names its version", () => {
  const quotes = quotesOf([own("openai", "gpt-4o")]);
  expect(quotes.quoteOf("openai", "gpt-4o")).toMatchObject({
    source: "operator",
    version: "openai/gpt-4o",
    isExact: true,
  });
  expect(quotes.quoteOf("openai", "gpt-4o-mini")).toMatchObject({ source: "genai-prices" });
});

test("what is served at home has the price that the operator gives it, and otherwise none", () => {
  const quotes = quotesOf([own("home", "llama-*")]);
  const quote = quotes.quoteOf("home", "llama-4");
  expect(quote && costOf(quote, million)).toEqual({ nanoUsd: 1_000_000_000, isExact: true });
  expect(quotes.quoteOf("home", "qwen-3")).toBeUndefined();
  expect(quotes.quoteOf("nobody", "llama-4")).toBeUndefined();
});

test("a name goes before a pattern, a longer pattern before a shorter one, and of equals the first", () => {
  const second = { ...own("home", "llama-4"), version: "second" };
  const prices = [own("home", "*"), own("home", "llama-*"), own("home", "llama-4"), second];
  const quotes = quotesOf(prices);
  const versionOf = (model: string) => quotes.quoteOf("home", model)?.version;
  expect(versionOf("llama-4")).toBe("home/llama-4");
  expect(versionOf("llama-4-big")).toBe("home/llama-*");
  expect(versionOf("qwen-3")).toBe("home/*");
});

test("where the operator says nothing of it, caches and tiers are charged as the vendor does", () => {
  const quotes = quotesOf([
    own("claude", "claude-opus-5"),
    own("openai", "gpt-5", { multiplierMillionths: { flex: 250_000 } }),
  ]);
  const cost = (provider: string, model: string, used: object) => {
    const quote = quotes.quoteOf(provider, model);
    return quote && costOf(quote, { ...million, ...used })?.nanoUsd;
  };
  const written = { cacheWriteTokens: 1_000_000, cacheWrite1hTokens: 1_000_000 };
  expect(cost("claude", "claude-opus-5", written)).toBe(2_000_000_000);
  expect(cost("claude", "claude-opus-5", { cachedInputTokens: 1_000_000 })).toBe(1_000_000_000);
  expect(cost("claude", "claude-opus-5", { serviceTier: "fast" })).toBe(2_000_000_000);
  expect(cost("openai", "gpt-5", { serviceTier: "flex" })).toBe(250_000_000);
  expect(cost("openai", "gpt-5", { serviceTier: "priority" })).toBe(2_000_000_000);
});

test("a model is looked up once, also one without a price, until the list's price changes", () => {
  const clock = manualClock();
  let lookUps = 0;
  const changing: typeof listedPrice = (provider, model, epochMs) => {
    lookUps += 1;
    const found = listedPrice(provider, "gpt-4o", epochMs);
    return model === "none" || found === undefined
      ? undefined
      : { ...found, validUntilMs: epochMs + 60_000 };
  };
  const quotes = new Quotes({ providers: [openai], prices: [], listedPrice: changing, clock });
  for (let time = 0; time < 3; time++) {
    quotes.quoteOf("openai", "some");
    quotes.quoteOf("openai", "none");
  }
  expect(lookUps).toBe(2);
  clock.advance(60_000);
  quotes.quoteOf("openai", "some");
  quotes.quoteOf("openai", "none");
  expect(lookUps).toBe(3);
});

test("names without end are forgotten, and the latest is not", () => {
  let lookUps = 0;
  const counting: typeof listedPrice = () => {
    lookUps += 1;
    return undefined;
  };
  const quotes = quotesOf([], counting);
  for (let index = 0; index < 6_000; index++) quotes.quoteOf("openai", `made-up-${index}`);
  expect(lookUps).toBe(6_000);
  quotes.quoteOf("openai", "made-up-5999");
  expect(lookUps).toBe(6_000);
  quotes.quoteOf("openai", "made-up-0");
  expect(lookUps).toBe(6_001);
});

test("what the demo and OpenAI's moderations cost is nothing, and that is known", () => {
  const demo = { name: "demo", type: "demo", baseUrl: "" } as const;
  const quotes = new Quotes({
    providers: [demo, openai],
    prices: [],
    listedPrice,
    clock: manualClock(),
  });
  for (const [provider, model] of [
    ["demo", "demo"],
    ["openai", "omni-moderation-latest"],
  ] as const) {
    const quote = quotes.quoteOf(provider, model);
    expect(quote?.source).toBe("built-in");
    expect(quote && costOf(quote, million)).toEqual({ nanoUsd: 0, isExact: true });
  }
});

test("OpenAI's regions cost more than the list says, so the list's price is a guess there", () => {
  const european = { ...openai, baseUrl: "https://eu.api.openai.com/v1" };
  const now = Date.parse("2026-11-21");
  expect(listedPrice(openai, "gpt-5", now)?.isExact).toBe(true);
  expect(listedPrice(european, "gpt-5", now)?.isExact).toBe(false);
});

const opus = {
  id: "claude-opus-5",
  match: { or: [{ equals: "claude-opus-5" }, { starts_with: "claude-5-opus" }] },
};

test.each([
  ["claude-opus-5", true],
  ["Claude-Opus-5", true],
  ["claude-opus-5-20260724", true],
  ["claude-opus-5-latest", true],
  ["claude-5-opus@20260724", true],
  ["claude-5-opus-2026-07-24", true],
  ["claude-opus-5-5", false],
  ["claude-5-opus-max", false],
  ["claude-opus-50", false],
  ["claude-opus", false],
])("that %s is the model claude-opus-5: %j", (name, isIt) => {
  expect(isVeryModel(opus, name)).toBe(isIt);
});

test("a pattern from beginning to end means the model, one that only leaves names out does not", () => {
  const dated = { id: "x", match: { regex: "^grok-4\\.5-\\d{8}$" } };
  expect(isVeryModel(dated, "grok-4.5-20260801")).toBe(true);
  const pro = {
    id: "gemini-2.5-pro",
    match: { and: [{ starts_with: "gemini-2.5-pro" }, { regex: "^(?!.*tts)" }] },
  };
  expect(isVeryModel(pro, "gemini-2.5-pro")).toBe(true);
  expect(isVeryModel(pro, "gemini-2.5-pro-next")).toBe(false);
  expect(isVeryModel({ id: "y", match: { contains: "claude" } }, "claude")).toBe(false);
});
