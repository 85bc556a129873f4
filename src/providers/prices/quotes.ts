import type { ProviderType } from "../../config/gateway-config.ts";
import type { ConfiguredPrice } from "../../config/price-config.ts";
import type { Clock } from "../../lib/clock.ts";
import { Lru } from "../../lib/lru.ts";
import { freePrice } from "./price.ts";
import { operatorPrice } from "./operator-price.ts";
import type { ListedPrice, PricedBy } from "./price-list.ts";
import type { Quote } from "./quote.ts";

export interface QuotesOptions {
  readonly providers: readonly (PricedBy & { readonly name: string })[];
  /** The operator's own, the first to win before the later ones. */
  readonly prices: readonly ConfiguredPrice[];
  readonly listedPrice: ListedPrice;
  readonly clock: Pick<Clock, "epochMs">;
}

/** Models are named by clients too. At the bound the one that was not asked for the longest is looked up again. */
const quotesMax = 5_000;

/**
 * What each model of each provider costs under one configuration: the operator's own price, otherwise the list's,
 * otherwise nobody knows. Each is looked up once, since that takes the list 100 µs, and again when its price changes.
 */
export class Quotes {
  readonly #options: QuotesOptions;
  readonly #kept = new Lru<string, KeptQuote>(quotesMax);

  constructor(options: QuotesOptions) {
    this.#options = options;
  }

  quoteOf(providerName: string, model: string): Quote | undefined {
    const name = `${providerName}/${model}`; // No provider's name has a slash.
    const kept = this.#kept.get(name);
    if (kept !== undefined && (kept.validUntilMs === forever || this.#nowMs < kept.validUntilMs)) {
      return kept.quote;
    }
    const found = this.#find(providerName, model);
    this.#kept.set(name, found);
    return found.quote;
  }

  get #nowMs(): number {
    return this.#options.clock.epochMs();
  }

  #find(providerName: string, model: string): KeptQuote {
    const { providers, prices, listedPrice } = this.#options;
    const provider = providers.find(({ name }) => name === providerName);
    if (provider === undefined) return always(undefined);
    const own = bestOf(
      prices.filter((price) => price.provider === providerName && isFor(price, model)),
    );
    if (own !== undefined) {
      const price = operatorPrice(own.amounts, vendorNames[provider.type] ?? provider.type, model);
      return always({ price, source: "operator", version: own.version, isExact: true });
    }
    const free = builtIn(provider.type, model);
    if (free !== undefined) return always(free);
    const listed = listedPrice(provider, model, this.#nowMs);
    if (listed === undefined) return always(undefined);
    const { price, version, isExact, validUntilMs } = listed;
    const quote: Quote = { price, source: "genai-prices", version, isExact };
    return { quote, validUntilMs };
  }
}

interface KeptQuote {
  readonly quote: Quote | undefined;
  readonly validUntilMs: number;
}

const forever = Number.POSITIVE_INFINITY;
const always = (quote: Quote | undefined): KeptQuote => ({ quote, validUntilMs: forever });

/** Where a vendor's tiers go by another name than its type. */
const vendorNames: Partial<Record<ProviderType, string>> = { "azure-openai": "azure" };

/** What costs nothing, whatever a list may say. (https://platform.openai.com/docs/guides/moderation, read 2026-11-21) */
function builtIn(type: ProviderType, model: string): Quote | undefined {
  const isFree = type === "demo" || (type === "openai" && freeModel.test(model));
  return isFree ? { price: freePrice, source: "built-in", version: "1", isExact: true } : undefined;
}

const freeModel = /^(?:omni|text)-moderation-/;

function isFor({ model: pattern }: ConfiguredPrice, model: string): boolean {
  return pattern.endsWith("*") ? model.startsWith(pattern.slice(0, -1)) : model === pattern;
}

/** A name goes before a pattern and a longer pattern before a shorter one; of equals the first. */
function bestOf(prices: readonly ConfiguredPrice[]): ConfiguredPrice | undefined {
  let best: ConfiguredPrice | undefined;
  for (const price of prices) {
    if (best === undefined || closeness(price) > closeness(best)) best = price;
  }
  return best;
}

function closeness({ model }: ConfiguredPrice): number {
  return model.endsWith("*") ? model.length : Number.POSITIVE_INFINITY;
}
