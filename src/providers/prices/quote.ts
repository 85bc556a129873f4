import { nanoUsdMax } from "../../lib/usd.ts";
import type { Usage } from "../../protocol/usage.ts";
import { chargesOf } from "./charges.ts";
import type { Charge, Charges } from "./charges.ts";
import type { Price, TierRatio } from "./price.ts";

/** A price, and on whose word. */
export interface Quote {
  readonly price: Price;
  readonly source: PriceSource;
  /** Of the list, or of the operator's own price: what an audit record names, to be looked up later. */
  readonly version: string;
  /** Whether it is the price of this very model, and not of one with a like name. */
  readonly isExact: boolean;
}

export type PriceSource = "operator" | "genai-prices" | "built-in";

export interface UsageCost {
  /** A whole number. */
  readonly nanoUsd: number;
  readonly isExact: boolean;
}

/**
 * What was used costs: one sum of products in whole pico-dollars, rounded once, half up. Undefined if the price says
 * nothing of something that was used. Runs a few times per request; budget 2 µs.
 */
export function costOf(quote: Quote, usage: Usage): UsageCost | undefined {
  const charges = chargesOf(quote.price, usage);
  if (charges === undefined) return undefined;
  const tier = tierOf(quote.price, usage.serviceTier);
  const isTierKnown = tier.isExact && !(tier.isForShortPromptsOnly === true && isLong(charges));
  const nanoUsd = nanoUsdOf(charges, tier);
  const isExact = quote.isExact && charges.isExact && isTierKnown;
  if (nanoUsd <= nanoUsdMax) return { nanoUsd, isExact };
  // No request costs nine million dollars: the provider counted nonsense.
  return { nanoUsd: nanoUsdMax, isExact: false };
}

/** The same before it is rounded, at the standard tier: for comparing prices of little things. */
export function picoUsdOf({ price }: Quote, usage: Usage): bigint | undefined {
  const charges = chargesOf(price, usage);
  return charges && bigSum(charges.tokens) + bigSum(charges.pieces);
}

const standard: TierRatio = { numerator: 1, denominator: 1, isExact: true };
/** Charged as the standard one is, for want of anything better. */
const unknown: TierRatio = { ...standard, isExact: false };

function tierOf({ tiers }: Price, name: string | undefined): TierRatio {
  if (name === undefined) return standard;
  const only = tiers.get(name);
  if (only !== undefined) return only;
  if (!name.includes("+")) return unknown;
  return name.split("+", tiersMax).reduce((before, part) => {
    const ratio = tiers.get(part) ?? unknown;
    return {
      numerator: before.numerator * ratio.numerator,
      denominator: before.denominator * ratio.denominator,
      isExact: before.isExact && ratio.isExact,
      ...((before.isForShortPromptsOnly ?? ratio.isForShortPromptsOnly) && {
        isForShortPromptsOnly: true,
      }),
    };
  }, standard);
}

/** More than two are not known to come together. */
const tiersMax = 2;

const isLong = ({ step }: Charges): boolean => step.aboveInputTokens > 0;

const picoPerNano = 1_000;

/** (tokens × ratio + pieces) ÷ 1000, half up. */
function nanoUsdOf({ tokens, pieces }: Charges, { numerator, denominator }: TierRatio): number {
  // Sums and products of whole numbers that come out below 2⁵³ were exact at every step: none can shrink again.
  const amount = sum(tokens) * numerator + sum(pieces) * denominator;
  const unit = denominator * picoPerNano;
  const doubled = 2 * amount + unit;
  if (doubled <= Number.MAX_SAFE_INTEGER) return (doubled - (doubled % (2 * unit))) / (2 * unit);
  const bigUnit = BigInt(denominator) * BigInt(picoPerNano);
  const bigAmount = bigSum(tokens) * BigInt(numerator) + bigSum(pieces) * BigInt(denominator);
  return Number((2n * bigAmount + bigUnit) / (2n * bigUnit));
}

function sum(charges: readonly Charge[]): number {
  let total = 0;
  for (const { count, picoUsd } of charges) total += count * picoUsd;
  return total;
}

function bigSum(charges: readonly Charge[]): bigint {
  let total = 0n;
  for (const { count, picoUsd } of charges) total += BigInt(count) * BigInt(picoUsd);
  return total;
}
