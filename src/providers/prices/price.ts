/** What a model charges. All amounts are whole pico-dollars (10⁻¹² US$), so that $0.0375 for a million tokens is exact. */
export interface Price {
  /** The first holds from no input on; each later one for a request with more input. Of those that hold the last counts. */
  readonly steps: readonly [PriceStep, ...PriceStep[]];
  /** For each request, whatever it used. */
  readonly requestPicoUsd: number;
  /** Undefined where nobody says what a search costs. */
  readonly webSearchPicoUsd: number | undefined;
  /** What the tokens cost at another tier than the standard one, as a part or a multiple of that. */
  readonly tiers: ReadonlyMap<string, TierRatio>;
}

/** What each token costs, in a request with more input than `aboveInputTokens`: for all its tokens, the first included. */
export interface PriceStep {
  readonly aboveInputTokens: number;
  readonly inputPicoUsd: number;
  readonly cachedInputPicoUsd: number;
  readonly cacheWritePicoUsd: number;
  readonly cacheWrite1hPicoUsd: number;
  /** Undefined where nothing is known of a price for output, as with embeddings. */
  readonly outputPicoUsd: number | undefined;
  readonly reasoningPicoUsd: number | undefined;
  /** Undefined where nobody says: then text's price stands in for it, and the cost is an estimate. */
  readonly inputAudioPicoUsd: number | undefined;
  readonly cachedAudioPicoUsd: number | undefined;
  readonly outputAudioPicoUsd: number | undefined;
  readonly outputImagePicoUsd: number | undefined;
}

export interface TierRatio {
  readonly numerator: number;
  readonly denominator: number;
  /** Whether the vendor says so of this model, and not only of its models in general. */
  readonly isExact: boolean;
  /** For long prompts the vendor names no price at this tier. */
  readonly isForShortPromptsOnly?: true;
}

type Named<Field> = Field extends `${infer Name}PicoUsd` ? Name : never;
/** What a token is charged as: `input`, `cachedInput`, … */
export type Component = Named<keyof PriceStep>;

/** The prices that are written down; `input` is the one that must be. */
export type StatedPrices = Partial<Readonly<Record<Component, number>>> & {
  readonly input: number;
};

export interface StepRules {
  /** By how much a write to the cache for an hour costs more than input, where no price for it is stated. */
  readonly cacheWrite1hFactor: number | undefined;
  /** Whether what is spoken or drawn costs what is written costs, where no price for it is stated. */
  readonly isOnePriceForAll: boolean;
}

/**
 * A step of which every price is settled. Where no price is stated for cached tokens or for writing them, there is
 * no discount and no surcharge; reasoning costs what other output costs.
 */
export function stepOf(
  aboveInputTokens: number,
  stated: StatedPrices,
  { cacheWrite1hFactor, isOnePriceForAll }: StepRules,
): PriceStep {
  const { input, output } = stated;
  const cachedInput = stated.cachedInput ?? input;
  const cacheWrite = stated.cacheWrite ?? input;
  const factored = cacheWrite1hFactor === undefined ? cacheWrite : input * cacheWrite1hFactor;
  const otherwise = (text: number | undefined) => (isOnePriceForAll ? text : undefined);
  const inputAudio = stated.inputAudio ?? otherwise(input);
  return {
    aboveInputTokens,
    inputPicoUsd: input,
    cachedInputPicoUsd: cachedInput,
    cacheWritePicoUsd: cacheWrite,
    cacheWrite1hPicoUsd: stated.cacheWrite1h ?? factored,
    outputPicoUsd: output,
    reasoningPicoUsd: stated.reasoning ?? output,
    inputAudioPicoUsd: inputAudio,
    cachedAudioPicoUsd: stated.cachedAudio ?? stated.inputAudio ?? otherwise(cachedInput),
    outputAudioPicoUsd: stated.outputAudio ?? otherwise(output),
    outputImagePicoUsd: stated.outputImage ?? otherwise(output),
  };
}

const nothing: StepRules = { cacheWrite1hFactor: undefined, isOnePriceForAll: true };

/** Costs nothing, which is not the same as a price that nobody knows. */
export const freePrice: Price = {
  steps: [stepOf(0, { input: 0, output: 0 }, nothing)],
  requestPicoUsd: 0,
  webSearchPicoUsd: 0,
  tiers: new Map(),
};
