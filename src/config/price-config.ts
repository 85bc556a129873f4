import { createHash } from "node:crypto";
import { z } from "zod";
import { nanoUsdFrom } from "../lib/usd.ts";
import { mustBe, named, strictFields, usdAmount } from "./field-types.ts";
import { picoUsdPerToken, usdPerMillionRule } from "./token-price.ts";

/** What the operator says that a model costs; goes before the list price. */
export interface ConfiguredPrice {
  readonly provider: string;
  /** The model as the provider calls it, or how its name begins and a `*` after that. */
  readonly model: string;
  /** What audit records name it by. */
  readonly version: string;
  readonly source: "file" | "admin";
  readonly amounts: PriceAmounts;
}

/** In pico-dollars for a token, unless it says otherwise. */
export interface PriceAmounts {
  readonly inputPicoUsd: number;
  readonly outputPicoUsd: number;
  readonly cachedInputPicoUsd?: number;
  readonly cacheWritePicoUsd?: number;
  readonly cacheWrite1hPicoUsd?: number;
  readonly reasoningPicoUsd?: number;
  readonly inputAudioPicoUsd?: number;
  readonly cachedAudioPicoUsd?: number;
  readonly outputAudioPicoUsd?: number;
  readonly outputImagePicoUsd?: number;
  readonly requestPicoUsd?: number;
  readonly webSearchPicoUsd?: number;
  /** By tier, in millionths. */
  readonly multiplierMillionths?: Readonly<Record<string, number>>;
}

export const usdPerMillion = () => {
  const error = mustBe(usdPerMillionRule);
  const isExact = (amount: string | number) => picoUsdPerToken(amount) !== undefined;
  return z.union([z.string(), z.number()], { error }).refine(isExact, { error });
};

const multiplierMax = 1_000;
const multiplierRule = `must be a number from 0 to ${multiplierMax}, with at most six digits after the point, as 0.5`;

const multiplier = () => {
  const error = mustBe(multiplierRule);
  const isExact = (factor: string | number) => {
    const millionths = picoUsdPerToken(factor);
    return millionths !== undefined && millionths <= multiplierMax * 1_000_000;
  };
  return z.union([z.string(), z.number()], { error }).refine(isExact, { error });
};

const pieceUsdMax = 1_000;
const usdPerPiece = () =>
  usdAmount().refine((amount) => (nanoUsdFrom(amount) ?? 0) <= pieceUsdMax * 1_000_000_000, {
    error: mustBe(`must be at most ${pieceUsdMax} US dollars`),
  });

const tierRule = "letters, digits, _ and -, at most 40";
const tierName = () => z.string().regex(/^[A-Za-z0-9_-]{1,40}$/);
/** More than one or two of them nobody has. */
const multipliersMax = 20;

/** The fields of a price, in `sentinel.yaml` and in the admin API. */
export const priceShape = {
  input_per_million_usd: usdPerMillion().describe("US dollars for a million tokens of input."),
  output_per_million_usd: usdPerMillion().describe("US dollars for a million tokens of output."),
  cached_input_per_million_usd: usdPerMillion()
    .optional()
    .describe("For input read from the provider's cache; as input if not given."),
  cache_write_per_million_usd: usdPerMillion()
    .optional()
    .describe("For input written to the provider's cache; as input if not given."),
  cache_write_1h_per_million_usd: usdPerMillion()
    .optional()
    .describe(
      "For what Anthropic keeps for an hour; twice the input if not given, as Anthropic charges it.",
    ),
  reasoning_per_million_usd: usdPerMillion()
    .optional()
    .describe("For thoughts; as output if not given."),
  input_audio_per_million_usd: usdPerMillion()
    .optional()
    .describe("For spoken input; as input if not given."),
  cached_audio_per_million_usd: usdPerMillion()
    .optional()
    .describe("For spoken input read from the cache; as spoken input if not given."),
  output_audio_per_million_usd: usdPerMillion()
    .optional()
    .describe("For spoken output; as output if not given."),
  output_image_per_million_usd: usdPerMillion()
    .optional()
    .describe("For drawn output; as output if not given."),
  request_usd: usdPerPiece().optional().describe("US dollars for each request, beside its tokens."),
  web_search_usd: usdPerPiece()
    .optional()
    .describe("US dollars for each search of the web that the provider does."),
  multipliers: named(tierName(), multiplier(), tierRule)
    .refine((tiers) => Object.keys(tiers).length <= multipliersMax, {
      error: mustBe(`must have at most ${multipliersMax} tiers`),
    })
    .optional()
    .describe(
      "What tokens cost at the provider's other tiers, as a multiple: flex: 0.5. The vendors' own hold where none is given.",
    ),
};

export const priceSchema = strictFields(priceShape);
export type PriceInput = z.output<typeof priceSchema>;

export const pricedModelRule =
  "a model's name, or how it begins and a * after that, of 1 to 256 characters";
/** A star anywhere but at the end would look as if it did something. */
export const pricedModelPattern = /^(?=.{1,256}$)[^\x00-\x20\x7f*][^\x00-\x1f\x7f*]*\*?$|^\*$/;

export function normalisePrice(input: PriceInput): PriceAmounts {
  const { request_usd: request, web_search_usd: search, multipliers } = input;
  const amounts: Record<string, number | Readonly<Record<string, number>> | undefined> = {
    requestPicoUsd: picoUsdPerPiece(request),
    webSearchPicoUsd: picoUsdPerPiece(search),
    multiplierMillionths: multipliers && millionthsOf(multipliers),
  };
  for (const [field, name] of Object.entries(perMillion)) {
    const amount = input[field as keyof typeof perMillion];
    amounts[name] = amount === undefined ? undefined : picoUsdPerToken(amount);
  }
  const given = Object.entries(amounts).filter(([, value]) => value !== undefined);
  // Input and output are there, because the schema asks for them.
  return Object.fromEntries(given) as unknown as PriceAmounts;
}

/** Those of the file: by provider, then by model. */
export function configuredPrices(
  prices: Readonly<Record<string, Readonly<Record<string, PriceInput>>>>,
): ConfiguredPrice[] {
  return Object.entries(prices).flatMap(([provider, byModel]) =>
    Object.entries(byModel).map(([model, price]) => {
      const amounts = normalisePrice(price);
      return { provider, model, version: fileVersion(amounts), source: "file", amounts };
    }),
  );
}

const perMillion = {
  input_per_million_usd: "inputPicoUsd",
  output_per_million_usd: "outputPicoUsd",
  cached_input_per_million_usd: "cachedInputPicoUsd",
  cache_write_per_million_usd: "cacheWritePicoUsd",
  cache_write_1h_per_million_usd: "cacheWrite1hPicoUsd",
  reasoning_per_million_usd: "reasoningPicoUsd",
  input_audio_per_million_usd: "inputAudioPicoUsd",
  cached_audio_per_million_usd: "cachedAudioPicoUsd",
  output_audio_per_million_usd: "outputAudioPicoUsd",
  output_image_per_million_usd: "outputImagePicoUsd",
} as const satisfies Partial<Record<keyof PriceInput, keyof PriceAmounts>>;

const picoPerNano = 1_000;

function picoUsdPerPiece(amount: string | number | undefined): number | undefined {
  const nanoUsd = amount === undefined ? undefined : nanoUsdFrom(amount);
  return nanoUsd === undefined ? undefined : nanoUsd * picoPerNano;
}

function millionthsOf(multipliers: Readonly<Record<string, string | number>>) {
  const entries = Object.entries(multipliers);
  return Object.fromEntries(entries.map(([tier, factor]) => [tier, picoUsdPerToken(factor) ?? 0]));
}

/** Names a price of the file by what it says: it has no other version. */
export function fileVersion(amounts: PriceAmounts): string {
  const text = JSON.stringify(amounts, Object.keys(amounts).toSorted());
  const tiers = JSON.stringify(Object.entries(amounts.multiplierMillionths ?? {}).toSorted());
  const hash = createHash("sha256").update(text).update(tiers).digest("hex");
  return `sentinel.yaml ${hash.slice(0, 8)}`;
}
