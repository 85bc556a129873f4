import { usageSums } from "../../../pipeline/cost/usage-ledger.ts";
import type { UsageSum } from "../../../pipeline/cost/usage-ledger.ts";

/** The sums' names in Redis: short, for they are in every field. */
export const sumCodes: Readonly<Record<UsageSum, string>> = {
  requests: "n",
  failed_requests: "f",
  input_tokens: "i",
  cached_input_tokens: "c",
  cache_write_tokens: "w",
  output_tokens: "o",
  reasoning_tokens: "r",
  exact_nano_usd: "X",
  estimated_nano_usd: "E",
  exact_requests: "x",
  estimated_requests: "e",
  unpriced_requests: "u",
  cache_hits: "h",
  saved_nano_usd: "S",
  saved_input_tokens: "I",
  saved_output_tokens: "O",
};

export const sumOfCode: ReadonlyMap<string, UsageSum> = new Map(
  usageSums.map((sum) => [sumCodes[sum], sum]),
);

/**
 * A tenant's hour has so many fields at most, which are well over a thousand combinations of key, model and
 * provider in one hour; the models of further ones are counted together.
 */
export const usageFieldsMax = 20_000;
export const otherModel = "_other";
