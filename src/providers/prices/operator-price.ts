import type { PriceAmounts } from "../../config/price-config.ts";
import { stepOf } from "./price.ts";
import type { Price, StatedPrices, TierRatio } from "./price.ts";
import { tiersOf } from "./service-tiers.ts";

/** What an operator said as a price. `vendor` is who sells it, whose tiers hold where the operator names none. */
export function operatorPrice(amounts: PriceAmounts, vendor: string, model: string): Price {
  const stated: StatedPrices = {
    input: amounts.inputPicoUsd,
    output: amounts.outputPicoUsd,
    ...given("cachedInput", amounts.cachedInputPicoUsd),
    ...given("cacheWrite", amounts.cacheWritePicoUsd),
    ...given("cacheWrite1h", amounts.cacheWrite1hPicoUsd),
    ...given("reasoning", amounts.reasoningPicoUsd),
    ...given("inputAudio", amounts.inputAudioPicoUsd),
    ...given("cachedAudio", amounts.cachedAudioPicoUsd),
    ...given("outputAudio", amounts.outputAudioPicoUsd),
    ...given("outputImage", amounts.outputImagePicoUsd),
  };
  const rules = {
    cacheWrite1hFactor: vendor === "anthropic" ? 2 : undefined,
    isOnePriceForAll: true,
  };
  const own = Object.entries(amounts.multiplierMillionths ?? {});
  return {
    steps: [stepOf(0, stated, rules)],
    requestPicoUsd: amounts.requestPicoUsd ?? 0,
    webSearchPicoUsd: amounts.webSearchPicoUsd,
    tiers: new Map([
      ...tiersOf(vendor, model),
      ...own.map(([tier, n]) => [tier, ratio(n)] as const),
    ]),
  };
}

function given<Name extends keyof StatedPrices>(
  name: Name,
  picoUsd: number | undefined,
): Partial<Record<Name, number>> {
  return picoUsd === undefined ? {} : ({ [name]: picoUsd } as Record<Name, number>);
}

/** In lowest terms, so that products stay small. */
function ratio(millionths: number): TierRatio {
  const shared = greatestDivisor(millionths, 1_000_000);
  return { numerator: millionths / shared, denominator: 1_000_000 / shared, isExact: true };
}

function greatestDivisor(left: number, right: number): number {
  return left === 0 ? right : greatestDivisor(right % left, left);
}
