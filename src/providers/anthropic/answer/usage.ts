import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { countsAboveZero, tierIn } from "../../../protocol/usage.ts";
import type { Usage } from "../../../protocol/usage.ts";

/**
 * A stream counts at its beginning and again, from the beginning, at its end: what the later count leaves out
 * or has as null still stands. (https://platform.claude.com/docs/en/build-with-claude/streaming, read 2026-11-21)
 */
export function mergeCounts(earlier: JsonObject, later: unknown): JsonObject {
  if (!isJsonObject(later)) return earlier;
  const counted = Object.entries(later).filter(([, value]) => value !== null);
  return { ...earlier, ...Object.fromEntries(counted) };
}

/**
 * Anthropic counts what is written to the prompt cache and read from it apart from the rest of the input; a
 * `Usage` counts all of it as input. Undefined where nothing was counted.
 * (https://platform.claude.com/docs/en/build-with-claude/prompt-caching#tracking-cache-performance, read 2026-11-21)
 */
export function readCounts(counts: unknown): Usage | undefined {
  if (!isJsonObject(counts) || typeof counts["input_tokens"] !== "number") return undefined;
  const cachedInputTokens = count(counts["cache_read_input_tokens"]);
  const cacheWriteTokens = count(counts["cache_creation_input_tokens"]);
  const details = counts["output_tokens_details"];
  return {
    inputTokens: count(counts["input_tokens"]) + cachedInputTokens + cacheWriteTokens,
    cachedInputTokens,
    cacheWriteTokens,
    outputTokens: count(counts["output_tokens"]),
    reasoningTokens: isJsonObject(details) ? count(details["thinking_tokens"]) : 0,
    ...chargedApart(counts),
  };
}

/**
 * What costs another price. The tier, the speed and the place of inference add up.
 * (https://platform.claude.com/docs/en/api/messages, https://platform.claude.com/docs/en/build-with-claude/fast-mode,
 * https://platform.claude.com/docs/en/build-with-claude/data-residency, read 2026-11-21)
 */
function chargedApart(counts: JsonObject): Partial<Usage> {
  const written = counts["cache_creation"];
  const tools = counts["server_tool_use"];
  const place = counts["inference_geo"];
  const words = [
    tierIn(counts["service_tier"]).serviceTier,
    tierIn(counts["speed"]).serviceTier,
    placesOfOnePrice.has(place) ? undefined : tierIn(place).serviceTier,
  ].filter((word) => word !== undefined);
  return {
    ...countsAboveZero({
      cacheWrite1hTokens: isJsonObject(written) ? written["ephemeral_1h_input_tokens"] : 0,
      webSearches: isJsonObject(tools) ? tools["web_search_requests"] : 0,
    }),
    ...(words.length > 0 && { serviceTier: words.join("+") }),
  };
}

const placesOfOnePrice: ReadonlySet<unknown> = new Set(["global", "not_available"]);

/** OpenAI's name for the tier that served the request; `batch` has none. */
export function serviceTierOf(counts: unknown): string | undefined {
  const tier = isJsonObject(counts) ? counts["service_tier"] : undefined;
  if (tier === "standard") return "default";
  return tier === "priority" ? tier : undefined;
}

function count(value: unknown): number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : 0;
}
