import { calcPrice } from "@pydantic/genai-prices";
import type { ModelPrice, PriceOptions } from "@pydantic/genai-prices";

import type { ProviderType } from "../../config/gateway-config.ts";
import type { Price } from "./price.ts";

export interface PricedBy {
  readonly type: ProviderType;
  readonly baseUrl: string;
}

/**
 * The list price of a model at a vendor, as of now; undefined if it is not in the list: nothing is made up,
 * and no price is not the same as free. Costs about 70 µs.
 */
export function listedPrice(provider: PricedBy, model: string): Price | undefined {
  const vendor = vendorOf(provider);
  if (vendor === undefined) return undefined;
  try {
    const found = calcPrice({}, model, vendor);
    return found === null ? undefined : steps(found.model_price);
  } catch {
    return undefined; // The list contradicts itself for this model, so it does not tell a price.
  }
}

export type ListedPrice = typeof listedPrice;

/** Whose prices hold, in the list's own terms. What someone serves himself has no list price. */
function vendorOf({ type, baseUrl }: PricedBy): PriceOptions | undefined {
  switch (type) {
    case "azure-openai":
      return { providerId: "azure" };
    case "openai-compatible":
      return { providerApiUrl: baseUrl };
    case "ollama":
    case "vllm":
    case "demo":
      return undefined;
    default: // The list knows the others by the names that we have for them too.
      return { providerId: type };
  }
}

function steps({ input_mtok: input, output_mtok: output }: ModelPrice): Price | undefined {
  if (input === undefined) return undefined;
  const starts = new Set([0, ...startsOf(input), ...startsOf(output)]);
  return [...starts]
    .sort((left, right) => left - right)
    .map((start) => ({
      aboveInputTokens: start,
      inputPicoUsd: picoUsdAbove(input, start),
      outputPicoUsd: output === undefined ? undefined : picoUsdAbove(output, start),
    }));
}

type Amount = Exclude<ModelPrice[string], undefined>;

function startsOf(amount: Amount | undefined): number[] {
  return typeof amount === "object" ? amount.tiers.map(({ start }) => start) : [];
}

/** The list's unit is US$ for a million tokens: a millionth of it is a pico-dollar for one. */
function picoUsdAbove(amount: Amount, inputTokens: number): number {
  if (typeof amount === "number") return Math.round(amount * 1_000_000);
  const step = amount.tiers.findLast(({ start }) => inputTokens >= start);
  return Math.round((step?.price ?? amount.base) * 1_000_000);
}
