import { isJsonObject } from "../../../lib/json-text.ts";
import { countsAboveZero, tierIn } from "../../../protocol/usage.ts";
import type { Usage } from "../../../protocol/usage.ts";

/**
 * Gemini's `usageMetadata`. Thoughts are counted beside the answer and not in it, and results of Google's own
 * tools beside the prompt. Undefined where it does not say.
 * (https://ai.google.dev/api/generate-content#UsageMetadata, read 2026-11-21)
 */
export function readUsageMetadata(metadata: unknown, headerTier?: unknown): Usage | undefined {
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
    ...countsAboveZero({
      inputAudioTokens:
        ofModality(metadata["promptTokensDetails"], "AUDIO") +
        ofModality(metadata["toolUsePromptTokensDetails"], "AUDIO"),
      cachedAudioTokens: ofModality(metadata["cacheTokensDetails"], "AUDIO"),
      outputAudioTokens: ofModality(metadata["candidatesTokensDetails"], "AUDIO"),
      outputImageTokens: ofModality(metadata["candidatesTokensDetails"], "IMAGE"),
    }),
    ...tierOf(metadata["trafficType"] ?? metadata["serviceTier"] ?? headerTier),
  };
}

/** The same tokens are counted by modality in a list. (https://ai.google.dev/api/generate-content#ModalityTokenCount) */
function ofModality(details: unknown, modality: string): number {
  if (!Array.isArray(details)) return 0;
  let sum = 0;
  for (const detail of details as readonly unknown[]) {
    if (!isJsonObject(detail) || detail["modality"] !== modality) continue;
    sum += count(detail["tokenCount"]) ?? 0;
  }
  return sum;
}

/**
 * `ON_DEMAND`, `ON_DEMAND_FLEX`, `ON_DEMAND_PRIORITY`, `PROVISIONED_THROUGHPUT`; the Gemini API has a word for it in a
 * header. (https://cloud.google.com/vertex-ai/generative-ai/docs/reference/rest/v1/GenerateContentResponse#TrafficType,
 * https://ai.google.dev/gemini-api/docs/priority-inference, read 2026-11-21)
 */
function tierOf(told: unknown): Partial<Usage> {
  if (typeof told !== "string") return {};
  const word = told.toLowerCase().replace(/^(?:service_tier_|on_demand_)/, "");
  return word.endsWith("unspecified") ? {} : tierIn(word);
}

function count(value: unknown): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}
