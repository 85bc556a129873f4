import { calcPrice } from "@pydantic/genai-prices";
import type { ModelPrice, PriceOptions } from "@pydantic/genai-prices";

import type { ProviderType } from "../../config/gateway-config.ts";
import { nextChangeMs } from "./list-calendar.ts";
import { isVeryModel } from "./model-match.ts";
import { freePrice, stepOf } from "./price.ts";
import type { Component, Price, StatedPrices, StepRules } from "./price.ts";
import { tiersOf } from "./service-tiers.ts";

export interface PricedBy {
  readonly type: ProviderType;
  readonly baseUrl: string;
}

/** The version of `@pydantic/genai-prices` whose data this is. */
export const listVersion = "0.1.8";

export interface ListedQuote {
  readonly price: Price;
  readonly version: string;
  readonly isExact: boolean;
  /** From then on the list has, or may have, another price. */
  readonly validUntilMs: number;
}

/**
 * The list price of a model at a vendor at a time; undefined if it is not in the list: nothing is made up, and no price
 * is not the same as free. Only the list's data are used: its own arithmetic is in binary fractions, throws on counts
 * that contradict each other, and charges a cache write of an hour as one of five minutes where it has no price for it.
 * Costs about 100 µs.
 */
export function listedPrice(
  provider: PricedBy,
  model: string,
  epochMs: number,
): ListedQuote | undefined {
  const vendor = vendorOf(provider);
  const found = vendor && look(model, { ...vendor, timestamp: new Date(epochMs) });
  if (found == null) return undefined;
  const price = priceOf(found.model_price, found.provider.id, found.model.id, model);
  if (price === undefined) return undefined;
  const change = nextChangeMs(found.model.prices, epochMs);
  const isExact =
    isVeryModel(found.model, model) &&
    found.provider.models.includes(found.model) &&
    !change.isDaily &&
    !isNegotiated(provider) &&
    !hasOtherCharges(found.model_price, model);
  return { price, version: listVersion, isExact, validUntilMs: change.epochMs };
}

export type ListedPrice = typeof listedPrice;

function look(model: string, options: PriceOptions): ReturnType<typeof calcPrice> {
  try {
    return calcPrice({}, model, options);
  } catch {
    return null; // The list contradicts itself for this model, so it does not tell a price.
  }
}

/** Whose prices hold, in the list's own terms. What someone serves himself has no list price. */
function vendorOf({ type, baseUrl }: PricedBy): PriceOptions | undefined {
  switch (type) {
    case "azure-openai":
      return { providerId: "azure" };
    case "openai-compatible": // Without an address the list would go by the model's name alone.
      return baseUrl === "" ? undefined : { providerApiUrl: baseUrl };
    case "ollama":
    case "vllm":
    case "demo":
      return undefined;
    default: // The list knows the others by the names that we have for them too.
      return { providerId: type };
  }
}

/**
 * Where the list price is a hint only: Azure's models go by names that the customer chose and cost what region and
 * contract say, OpenRouter's cost what the one costs who serves, and OpenAI's regions cost a tenth more.
 */
function isNegotiated({ type, baseUrl }: PricedBy): boolean {
  const regional = /^https:\/\/[a-z]+\.api\.openai\.com/i;
  return type === "azure-openai" || type === "openrouter" || regional.test(baseUrl);
}

type Amount = Exclude<ModelPrice[string], undefined>;

/** The list's names for what we count. */
const components = {
  input: "input_mtok",
  cachedInput: "cache_read_mtok",
  cacheWrite: "cache_write_mtok",
  cacheWrite1h: "cache_write_1h_mtok",
  output: "output_mtok",
  reasoning: "output_reasoning_mtok",
  inputAudio: "input_audio_mtok",
  cachedAudio: "cache_audio_read_mtok",
  outputAudio: "output_audio_mtok",
  outputImage: "output_image_mtok",
} as const satisfies Record<Component, string>;

/** Also counted: searches by the piece, and of what OpenAI stores, which `Usage.hasOtherCharges` tells of. */
const understood: ReadonlySet<string> = new Set([
  ...Object.values(components),
  "web_searches_kcount",
  "storage_searches_kcount",
]);

/** Images and requests have prices that depend on what the provider does not tell, and searching models always search. */
function hasOtherCharges(price: ModelPrice, model: string): boolean {
  const isSearcher = /-search-|deep-research/i.test(model);
  return isSearcher || Object.keys(price).some((name) => !understood.has(name));
}

function priceOf(
  listed: ModelPrice,
  vendor: string,
  listedId: string,
  model: string,
): Price | undefined {
  if (Object.keys(listed).length === 0) {
    return isFree(vendor, listedId) ? freePrice : undefined;
  }
  if (listed[components.input] === undefined) return undefined;
  const amounts = Object.values(components).flatMap((name) => listed[name] ?? []);
  const rules = rulesFor(vendor, listedId);
  const [, ...later] = [...new Set([0, ...amounts.flatMap(startsOf)])].toSorted((a, b) => a - b);
  const search = listed["web_searches_kcount"];
  const request = listed["requests_kcount"];
  return {
    steps: [
      stepOf(0, statedAbove(listed, 0), rules),
      ...later.map((start) => stepOf(start, statedAbove(listed, start), rules)),
    ],
    requestPicoUsd: typeof request === "number" ? picoUsdPerPiece(request) : 0,
    webSearchPicoUsd: typeof search === "number" ? picoUsdPerPiece(search) : undefined,
    tiers: tiersOf(vendor, model),
  };
}

/** The list has models without any price; of these some cost nothing, and of the others it knows nothing. */
function isFree(vendor: string, listedId: string): boolean {
  return listedId.endsWith(":free") || vendor === "google" || listedId === "moderation";
}

/**
 * Anthropic charges twice the input for what it keeps for an hour, and Google one price for all that has no other.
 * (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#pricing, read 2026-11-21)
 */
function rulesFor(vendor: string, listedId: string): StepRules {
  const isClaude = vendor === "anthropic" || listedId.includes("claude");
  return { cacheWrite1hFactor: isClaude ? 2 : undefined, isOnePriceForAll: vendor === "google" };
}

function statedAbove(listed: ModelPrice, inputTokens: number): StatedPrices {
  const stated: { -readonly [Name in keyof StatedPrices]: StatedPrices[Name] } = { input: 0 };
  for (const [component, name] of Object.entries(components) as [Component, string][]) {
    const amount = listed[name];
    if (amount !== undefined) stated[component] = picoUsdAbove(amount, inputTokens);
  }
  return stated;
}

function startsOf(amount: Amount): number[] {
  return typeof amount === "object" ? amount.tiers.map(({ start }) => start) : [];
}

/** The list's unit is US$ for a million tokens: a millionth of it is a pico-dollar for one. */
function picoUsdAbove(amount: Amount, inputTokens: number): number {
  if (typeof amount === "number") return Math.round(amount * 1_000_000);
  const step = amount.tiers.findLast(({ start }) => inputTokens >= start);
  return Math.round((step?.price ?? amount.base) * 1_000_000);
}

/** From US$ for a thousand. */
function picoUsdPerPiece(usdPerThousand: number): number {
  return Math.round(usdPerThousand * 1_000_000) * 1_000;
}
