import { isJsonObject, objectsOf } from "../lib/json-text.ts";
import type { JsonObject } from "../lib/json-text.ts";

/** Tokens of one answer, counted the same way whoever sent it. */
export interface Usage {
  /** All of them, cached ones included. */
  readonly inputTokens: number;
  /** Of these, what was read from the provider's prompt cache. */
  readonly cachedInputTokens: number;
  /** Of these, what was written to it, where the provider counts that (and asks more for it). */
  readonly cacheWriteTokens: number;
  /** All of them, reasoning included. */
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** Of the cache writes, those that stay for an hour: Anthropic charges more for them. */
  readonly cacheWrite1hTokens?: number;
  /** Of the input, spoken; and of that, what was read from the cache. */
  readonly inputAudioTokens?: number;
  readonly cachedAudioTokens?: number;
  /** Of the output, spoken. */
  readonly outputAudioTokens?: number;
  /** Of the output, drawn: some models charge ten times as much for it. */
  readonly outputImageTokens?: number;
  /** How often the vendor searched the web for it, which is charged by the search. */
  readonly webSearches?: number;
  /** It used something of the vendor's that is charged by neither tokens nor searches. */
  readonly hasOtherCharges?: true;
  /**
   * The tier at which it was served, in the vendor's word, where that is not the standard one: `flex`,
   * `priority`, `batch`. Several that add up are joined by a `+`.
   */
  readonly serviceTier?: string;
}

/**
 * Reads OpenAI's `usage` object, in chat's names (`prompt_tokens`) or those of Responses (`input_tokens`), and what
 * the answer around it says of how it is charged. Undefined where it is missing or does not hold token counts:
 * what is not known is not made up.
 */
export function readUsage(usage: unknown, answer: JsonObject = {}): Usage | undefined {
  if (!isJsonObject(usage)) return undefined;
  const inputTokens = count(usage["prompt_tokens"]) ?? count(usage["input_tokens"]);
  if (inputTokens === undefined) return undefined;
  const outputTokens = count(usage["completion_tokens"]) ?? count(usage["output_tokens"]) ?? 0;
  const inputDetails = details(usage, "prompt_tokens_details", "input_tokens_details");
  const outputDetails = details(usage, "completion_tokens_details", "output_tokens_details");
  return {
    inputTokens,
    cachedInputTokens: count(inputDetails["cached_tokens"]) ?? 0,
    cacheWriteTokens: count(inputDetails["cache_write_tokens"]) ?? 0,
    outputTokens,
    reasoningTokens: count(outputDetails["reasoning_tokens"]) ?? 0,
    ...specialTokens(inputDetails, outputDetails),
    ...chargedBeside(usage, answer),
  };
}

/** The word for a tier, or nothing for the standard one: vendors have several words for that. */
export function tierIn(word: unknown): { readonly serviceTier?: string } {
  if (typeof word !== "string" || standardTiers.has(word)) return {};
  return { serviceTier: word.slice(0, tierLengthMax) };
}

const standardTiers: ReadonlySet<string> = new Set([
  "",
  "default",
  "standard",
  "auto",
  "on_demand",
]);
const tierLengthMax = 40;

/** The fields that have a count above zero: they are rare, and a record is kept of each. */
export function countsAboveZero<Name extends string>(
  counts: Readonly<Record<Name, unknown>>,
): { readonly [Each in Name]?: number } {
  const found: { [Each in Name]?: number } = {};
  for (const name in counts) {
    const value = count(counts[name]);
    if (value !== undefined && value > 0) found[name] = value;
  }
  return found;
}

function specialTokens(inputDetails: JsonObject, outputDetails: JsonObject): Partial<Usage> {
  const cached = inputDetails["cached_tokens_details"];
  return countsAboveZero({
    inputAudioTokens: inputDetails["audio_tokens"],
    cachedAudioTokens: isJsonObject(cached) ? cached["audio_tokens"] : undefined,
    outputAudioTokens: outputDetails["audio_tokens"],
    outputImageTokens: outputDetails["image_tokens"],
  });
}

/**
 * OpenRouter counts searches under `server_tool_use`, Perplexity as `num_search_queries`; OpenAI's Responses list
 * each thing that OpenAI did. (https://platform.openai.com/docs/guides/tools-web-search,
 * https://docs.perplexity.ai/getting-started/pricing, read 2026-11-21)
 */
function chargedBeside(usage: JsonObject, answer: JsonObject): Partial<Usage> {
  const tools = usage["server_tool_use"];
  const told = isJsonObject(tools) ? tools["web_search_requests"] : usage["num_search_queries"];
  const items = objectsOf(answer["output"]);
  const searches = items.filter(isSearch).length;
  return {
    ...countsAboveZero({ webSearches: count(told) ?? searches }),
    ...(items.some(({ type }) => chargedApart.has(type)) && { hasOtherCharges: true }),
    ...tierIn(answer["service_tier"]),
  };
}

/** To open a page that was found, or to look for something in it, costs nothing more. */
function isSearch({ type, action }: JsonObject): boolean {
  if (type !== "web_search_call") return false;
  return !isJsonObject(action) || action["type"] === undefined || action["type"] === "search";
}

const chargedApart: ReadonlySet<unknown> = new Set([
  "file_search_call",
  "code_interpreter_call",
  "image_generation_call",
]);

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function details(usage: JsonObject, chatName: string, responsesName: string): JsonObject {
  const found = usage[chatName] ?? usage[responsesName];
  return isJsonObject(found) ? found : {};
}
