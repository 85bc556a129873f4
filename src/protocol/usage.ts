import { isJsonObject } from "../lib/json-text.ts";
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
}

/**
 * Reads OpenAI's `usage` object, in chat's names (`prompt_tokens`) or those of Responses (`input_tokens`).
 * Undefined where it is missing or does not hold token counts: what is not known is not made up.
 */
export function readUsage(usage: unknown): Usage | undefined {
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
  };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

function details(usage: JsonObject, chatName: string, responsesName: string): JsonObject {
  const found = usage[chatName] ?? usage[responsesName];
  return isJsonObject(found) ? found : {};
}
