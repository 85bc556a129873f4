import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";

/**
 * Gemini's encrypted notes of what it thought. They go out and come back where Google's own OpenAI API has
 * them. (https://ai.google.dev/gemini-api/docs/thought-signatures#openai, read 2026-11-21)
 */
export function extraContent(thoughtSignature: string): JsonObject {
  return { extra_content: { google: { thought_signature: thoughtSignature } } };
}

/** The signature that a tool call, a message or an image came back with. */
export function readSignature(holder: JsonObject): string | undefined {
  const extra = holder["extra_content"];
  const google = isJsonObject(extra) ? extra["google"] : undefined;
  const signature = isJsonObject(google) ? google["thought_signature"] : undefined;
  return typeof signature === "string" && signature !== "" ? signature : undefined;
}

/**
 * In place of a signature that the client did not bring back, or that another model's call never had. Without
 * one Gemini 3 answers 400 to the first call of a step; with this it does not check.
 * (https://ai.google.dev/gemini-api/docs/thought-signatures#faqs, read 2026-11-21)
 */
export const uncheckedSignature = "skip_thought_signature_validator";

export function signed<Signable extends object>(
  part: Signable,
  thoughtSignature: string | undefined,
): Signable {
  return thoughtSignature === undefined ? part : { ...part, thoughtSignature };
}
