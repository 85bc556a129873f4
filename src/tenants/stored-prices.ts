import { normalisePrice, priceSchema } from "../config/price-config.ts";
import type { ConfiguredPrice } from "../config/price-config.ts";
import type { PriceStore, StoredPrice } from "./price-store.ts";

export interface LoadedPrices {
  readonly prices: readonly ConfiguredPrice[];
  /** One sentence for each price that cannot be used. */
  readonly problems: readonly string[];
}

/** The stored prices, ready to be used. One that cannot be read does not keep the others from it. */
export async function loadStoredPrices(
  store: Pick<PriceStore, "listPrices">,
): Promise<LoadedPrices> {
  const prices: ConfiguredPrice[] = [];
  const problems: string[] = [];
  for (const stored of await store.listPrices()) {
    const price = readStoredPrice(stored);
    if (price === undefined) problems.push(unreadable(stored));
    else prices.push(price);
  }
  return { prices, problems };
}

/** Its version is when it was last changed. Undefined if this version of Sentinel cannot read it. */
export function readStoredPrice(stored: StoredPrice): ConfiguredPrice | undefined {
  const { provider, model, settings, updatedAtMs } = stored;
  const parsed = priceSchema.safeParse(settings);
  if (!parsed.success) return undefined;
  const version = new Date(updatedAtMs).toISOString();
  return { provider, model, version, source: "admin", amounts: normalisePrice(parsed.data) };
}

export const unreadable = ({ provider, model }: StoredPrice): string =>
  `This version cannot read the stored price of ${provider}/${model}. Set it again.`;
