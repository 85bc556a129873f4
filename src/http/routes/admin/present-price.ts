import type { ConfiguredPrice, PriceAmounts, PriceInput } from "../../../config/price-config.ts";
import { usdText } from "../../../lib/usd.ts";
import { readStoredPrice, unreadable } from "../../../tenants/stored-prices.ts";
import type { StoredPrice } from "../../../tenants/price-store.ts";
import { toSeconds } from "./fields.ts";

/** A price as the admin API shows it: amounts of money are text, so that no client makes fractions of them. */
export interface ShownPrice {
  readonly object: "price";
  readonly provider: string;
  readonly model: string;
  readonly source: "file" | "admin";
  readonly [field: string]: unknown;
}

/** A price of the configuration file. */
export function presentFixedPrice({
  provider,
  model,
  version,
  amounts,
}: ConfiguredPrice): ShownPrice {
  return { object: "price", provider, model, source: "file", version, ...fieldsOf(amounts) };
}

/** One that was made through the admin API; one that this version cannot read is shown with the reason. */
export function presentStoredPrice(stored: StoredPrice): ShownPrice {
  const price = readStoredPrice(stored);
  const { provider, model } = stored;
  return {
    object: "price",
    provider,
    model,
    source: "admin",
    ...(price === undefined
      ? { problem: unreadable(stored) }
      : { version: price.version, ...fieldsOf(price.amounts) }),
    created_at: toSeconds(stored.createdAtMs),
    updated_at: toSeconds(stored.updatedAtMs),
  };
}

/** The fields that were given, by the names of the API. */
function fieldsOf(amounts: PriceAmounts): Partial<Record<keyof PriceInput, unknown>> {
  const { multiplierMillionths: tiers, requestPicoUsd, webSearchPicoUsd } = amounts;
  const all: Record<keyof PriceInput, unknown> = {
    input_per_million_usd: perMillion(amounts.inputPicoUsd),
    output_per_million_usd: perMillion(amounts.outputPicoUsd),
    cached_input_per_million_usd: perMillion(amounts.cachedInputPicoUsd),
    cache_write_per_million_usd: perMillion(amounts.cacheWritePicoUsd),
    cache_write_1h_per_million_usd: perMillion(amounts.cacheWrite1hPicoUsd),
    reasoning_per_million_usd: perMillion(amounts.reasoningPicoUsd),
    input_audio_per_million_usd: perMillion(amounts.inputAudioPicoUsd),
    cached_audio_per_million_usd: perMillion(amounts.cachedAudioPicoUsd),
    output_audio_per_million_usd: perMillion(amounts.outputAudioPicoUsd),
    output_image_per_million_usd: perMillion(amounts.outputImagePicoUsd),
    request_usd: requestPicoUsd === undefined ? undefined : usdText(requestPicoUsd / 1_000),
    web_search_usd: webSearchPicoUsd === undefined ? undefined : usdText(webSearchPicoUsd / 1_000),
    multipliers: tiers && Object.fromEntries(Object.entries(tiers).map(shownTier)),
  };
  const given = Object.entries(all).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

const shownTier = ([tier, millionths]: [string, number]) => [tier, millionths / 1_000_000];

/** A pico-dollar for a token is a millionth of a dollar for a million of them. */
function perMillion(picoUsd: number | undefined): string | undefined {
  if (picoUsd === undefined) return undefined;
  const digits = String(picoUsd).padStart(7, "0");
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`;
}
