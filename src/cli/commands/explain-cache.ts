import { ownValue } from "../../lib/own-value.ts";
import { usdText } from "../../lib/usd.ts";
import type { CacheEntry } from "../../pipeline/audit/entry.ts";
import type { BypassReason } from "../../pipeline/cache/eligibility.ts";
import { dollarText, grouped } from "../table.ts";

/** What the cache had to do with a request, in a sentence. Of a record of any version: older ones say less. */
export function cacheText(cache: CacheEntry): string {
  const { outcome, similarity, from } = cache;
  if (outcome !== "exact" && outcome !== "semantic") {
    const why = whyText(cache);
    return why === undefined ? outcome : `${outcome}: ${why}`;
  }
  const source = from === null ? "" : `: the answer to ${from}`;
  const alike = similarity === null ? "" : `, similarity ${similarity}`;
  return `${outcome}${source}${alike}; ${savedText(cache)}`;
}

function whyText({ outcome, reason }: CacheEntry): string | undefined {
  if (typeof reason === "string") return ownValue(reasonTexts, reason) ?? reason;
  return outcome === "miss" ? "nothing was taken from it" : undefined;
}

/** What had no price when it was made is not said to have saved $0. */
function savedText(cache: CacheEntry): string {
  const {
    saved_nano_usd: nanoUsd,
    saved_input_tokens: input = 0,
    saved_output_tokens: output = 0,
  } = cache;
  const parts = [
    ...(nanoUsd > 0 ? [dollarText(usdText(nanoUsd))] : []),
    ...(input + output > 0 ? [`tokens ${countText(input)} in and ${countText(output)} out`] : []),
  ];
  return parts.length === 0 ? "what it saved is not known" : `saved ${parts.join(", ")}`;
}

const countText = (count: number): string => grouped(String(count));

const reasonTexts: Readonly<Record<BypassReason, string>> = {
  endpoint: "answers of this endpoint are not kept",
  disabled: "the policy has the cache off",
  no_store: "the client asked for no-store",
  temperature: "its temperature is above the policy's bound, and it did not ask for the cache",
  several_answers: "it asked for several answers",
  audio: "it has to do with audio",
  stored_response: "the provider keeps it, or what it refers to",
  background: "it was to run in the background",
  live_data: "the provider looks things up for it",
  prompt_warmup: "it only fills the provider's prompt cache",
  no_key: "it is nested too deeply to be compared with others",
  tool_calls: "its answer calls tools",
  truncated: "its answer ran into its limit of tokens",
  flagged: "its answer was held back in part, or marked",
  failed: "its answer is an error",
  unfinished: "its answer did not come to a known end",
  too_large: "its answer is too large to be kept",
  unknown_form: "its answer is in no form that can be kept",
};
