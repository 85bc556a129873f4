import { isJsonObject } from "../../../lib/json-text.ts";
import type { Usage } from "../../../protocol/usage.ts";

/**
 * Gemini's `usageMetadata`. Thoughts are counted beside the answer and not in it, and results of Google's own
 * tools beside the prompt. Undefined where it does not say.
 * (https://ai.google.dev/api/generate-content#UsageMetadata, read 2026-11-21)
 */
export function readUsageMetadata(metadata: unknown): Usage | undefined {
  if (!isJsonObject(metadata)) return undefined;
  const prompt = count(metadata["promptTokenCount"]);
  if (prompt === undefined) return undefined;
  const reasoningTokens = count(metadata["thoughtsTokenCount"]) ?? 0;
  return {
    inputTokens: prompt + (count(metadata["toolUsePromptTokenCount"]) ?? 0),
    cachedInputTokens: count(metadata["cachedContentTokenCount"]) ?? 0,
    cacheWriteTokens: 0,
    outputTokens: (count(metadata["candidatesTokenCount"]) ?? 0) + reasoningTokens,
    reasoningTokens,
  };
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
