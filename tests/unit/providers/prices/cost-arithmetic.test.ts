import * as fc from "fast-check";
import { expect, test } from "vitest";

import { nanoUsdMax } from "../../../../src/lib/usd.ts";
import type { Usage } from "../../../../src/protocol/usage.ts";
import { chargesOf } from "../../../../src/providers/prices/charges.ts";
import { stepOf } from "../../../../src/providers/prices/price.ts";
import type { Price, StatedPrices, TierRatio } from "../../../../src/providers/prices/price.ts";
import { costOf, picoUsdOf } from "../../../../src/providers/prices/quote.ts";
import type { Quote } from "../../../../src/providers/prices/quote.ts";

const rules = { cacheWrite1hFactor: undefined, isOnePriceForAll: true };
const quoteOf = (price: Price): Quote => ({
  price,
  source: "operator",
  version: "1",
  isExact: true,
});

/** Up to 10,000 US$ for a million tokens: far more than anyone asks, so that sums leave what a number holds. */
const picoUsd = fc.oneof(
  fc.integer({ min: 0, max: 200_000_000 }),
  fc.integer({ min: 0, max: 10_000_000_000 }),
);
const prices = fc.record({
  input: picoUsd,
  cachedInput: picoUsd,
  cacheWrite: picoUsd,
  cacheWrite1h: picoUsd,
  output: picoUsd,
  reasoning: picoUsd,
  inputAudio: picoUsd,
  cachedAudio: picoUsd,
  outputAudio: picoUsd,
  outputImage: picoUsd,
});
const ratios: fc.Arbitrary<TierRatio> = fc.record({
  numerator: fc.integer({ min: 0, max: 1_000_000 }),
  denominator: fc.integer({ min: 1, max: 1_000_000 }),
  isExact: fc.constant(true),
});
const fees = fc.integer({ min: 0, max: 1_000_000_000_000 });

interface Given {
  readonly stated: Required<StatedPrices>;
  readonly ratio: TierRatio;
  readonly request: number;
  readonly search: number;
}
const given: fc.Arbitrary<Given> = fc.record({
  stated: prices,
  ratio: ratios,
  request: fees,
  search: fees,
});

const priceOf = ({ stated, ratio, request, search }: Given): Price => ({
  steps: [stepOf(0, stated, rules)],
  requestPicoUsd: request,
  webSearchPicoUsd: search,
  tiers: new Map([["tier", ratio]]),
});

const tokens = fc.oneof(
  fc.integer({ min: 0, max: 100_000 }),
  fc.integer({ min: 0, max: 100_000_000 }),
);
/** Each token by what it is charged as. */
const parts = fc.record({
  input: tokens,
  cachedInput: tokens,
  cacheWrite: tokens,
  cacheWrite1h: tokens,
  inputAudio: tokens,
  cachedAudio: tokens,
  output: tokens,
  reasoning: tokens,
  outputAudio: tokens,
  outputImage: tokens,
  searches: fc.integer({ min: 0, max: 50 }),
});
type Parts = typeof parts extends fc.Arbitrary<infer Value> ? Value : never;

/** The same as a provider would tell it: wholes, and what of them was special. */
const usageOf = (of: Parts): Usage => ({
  inputTokens:
    of.input + of.cachedInput + of.cacheWrite + of.cacheWrite1h + of.inputAudio + of.cachedAudio,
  cachedInputTokens: of.cachedInput + of.cachedAudio,
  cacheWriteTokens: of.cacheWrite + of.cacheWrite1h,
  cacheWrite1hTokens: of.cacheWrite1h,
  inputAudioTokens: of.inputAudio + of.cachedAudio,
  cachedAudioTokens: of.cachedAudio,
  outputTokens: of.output + of.reasoning + of.outputAudio + of.outputImage,
  reasoningTokens: of.reasoning,
  outputAudioTokens: of.outputAudio,
  outputImageTokens: of.outputImage,
  webSearches: of.searches,
});

const sumOver = (of: Parts, stated: Required<StatedPrices>): bigint =>
  (Object.keys(stated) as (keyof typeof stated)[])
    .map((name) => BigInt(of[name]) * BigInt(stated[name]))
    .reduce((left, right) => left + right, 0n);

test("a cost is the exact one, rounded once, half up", () => {
  fc.assert(
    fc.property(given, parts, fc.boolean(), (price, of, isAtTier) => {
      const { numerator, denominator } = isAtTier ? price.ratio : { numerator: 1, denominator: 1 };
      const usage = { ...usageOf(of), ...(isAtTier && { serviceTier: "tier" }) };
      const fee = BigInt(price.request) + BigInt(of.searches) * BigInt(price.search);
      // The exact cost in nano-dollars is top / bottom.
      const top = sumOver(of, price.stated) * BigInt(numerator) + fee * BigInt(denominator);
      const bottom = 1_000n * BigInt(denominator);
      const floor = top / bottom;
      const exact = 2n * (top % bottom) >= bottom ? floor + 1n : floor;
      const cost = costOf(quoteOf(priceOf(price)), usage);
      const isTooMuch = exact > BigInt(nanoUsdMax);
      expect(cost).toEqual({
        nanoUsd: isTooMuch ? nanoUsdMax : Number(exact),
        isExact: !isTooMuch,
      });
    }),
    { numRuns: 2_000 },
  );
});

test("every token is paid for once, and the parts add up to the whole", () => {
  fc.assert(
    fc.property(given, parts, (price, of) => {
      const usage = usageOf(of);
      const charges = chargesOf(priceOf(price), usage);
      const counted = charges?.tokens.reduce((sum, { count }) => sum + count, 0);
      expect(counted).toBe(usage.inputTokens + usage.outputTokens);
      expect(picoUsdOf(quoteOf(priceOf(price)), usage)).toBe(
        sumOver(of, price.stated) +
          BigInt(price.request) +
          BigInt(of.searches) * BigInt(price.search),
      );
    }),
  );
});

/** What a provider may say that has lost its mind. */
const nonsense = fc.oneof(
  fc.integer({ min: -1_000_000, max: 1_000_000 }),
  fc.maxSafeInteger(),
  fc.double(),
  fc.constant(undefined as unknown as number),
);
const nonsenseUsage: fc.Arbitrary<Usage> = fc.record({
  inputTokens: nonsense,
  cachedInputTokens: nonsense,
  cacheWriteTokens: nonsense,
  cacheWrite1hTokens: nonsense,
  inputAudioTokens: nonsense,
  cachedAudioTokens: nonsense,
  outputTokens: nonsense,
  reasoningTokens: nonsense,
  outputAudioTokens: nonsense,
  outputImageTokens: nonsense,
  webSearches: nonsense,
  serviceTier: fc.string(),
});

test("no usage, however mad, costs less than nothing or a fraction, or is charged for more tokens than there are", () => {
  fc.assert(
    fc.property(given, nonsenseUsage, (price, usage) => {
      const cost = costOf(quoteOf(priceOf(price)), usage);
      expect(Number.isSafeInteger(cost?.nanoUsd)).toBe(true);
      expect(cost?.nanoUsd).toBeGreaterThanOrEqual(0);
      const whole = (count: number) =>
        Number.isSafeInteger(count) && count > 0 ? BigInt(count) : 0n;
      const charged = chargesOf(priceOf(price), usage)?.tokens ?? [];
      const count = charged.reduce((sum, charge) => sum + BigInt(charge.count), 0n);
      expect(count).toBe(whole(usage.inputTokens) + whole(usage.outputTokens));
    }),
    { numRuns: 2_000 },
  );
});

test("more input or more output never costs less, over a step to long prompts as well", () => {
  const more = fc.integer({ min: 0, max: 100_000 });
  fc.assert(
    fc.property(given, more, parts, more, more, (price, extra, of, input, output) => {
      const { stated } = price;
      const dearer = Object.fromEntries(
        Object.entries(stated).map(([name, amount]) => [name, amount + extra]),
      ) as typeof stated;
      const steps = [stepOf(0, stated, rules), stepOf(60_000, dearer, rules)] as const;
      const quote = quoteOf({ ...priceOf(price), steps });
      const before = usageOf(of);
      const after = {
        ...before,
        inputTokens: before.inputTokens + input,
        outputTokens: before.outputTokens + output,
      };
      const [less, greater] = [costOf(quote, before), costOf(quote, after)];
      expect(greater?.nanoUsd).toBeGreaterThanOrEqual(less?.nanoUsd ?? Number.NaN);
    }),
  );
});

test("the last step that a request is above of counts, for all its tokens", () => {
  const at = (start: number, input: number) => stepOf(start, { input, output: input }, rules);
  const steps = [at(0, 1_000), at(10, 2_000), at(20, 3_000)] as const;
  const quote = quoteOf({
    steps,
    requestPicoUsd: 0,
    webSearchPicoUsd: undefined,
    tiers: new Map(),
  });
  const cost = (inputTokens: number) => costOf(quote, { ...usageOf(none), inputTokens })?.nanoUsd;
  expect([0, 10, 11, 20, 21].map(cost)).toEqual([0, 10, 22, 40, 63]);
  // Output alone has a price too.
  expect(costOf(quote, { ...usageOf(none), outputTokens: 5 })?.nanoUsd).toBe(5);
});

const none: Parts = {
  ...{ input: 0, cachedInput: 0, cacheWrite: 0, cacheWrite1h: 0, inputAudio: 0, cachedAudio: 0 },
  ...{ output: 0, reasoning: 0, outputAudio: 0, outputImage: 0, searches: 0 },
};
