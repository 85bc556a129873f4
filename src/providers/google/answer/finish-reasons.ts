/**
 * Why Gemini ended, in OpenAI's words.
 * (https://ai.google.dev/api/generate-content#FinishReason, read 2026-11-21)
 */
const filtered = new Set([
  "SAFETY",
  "RECITATION",
  "LANGUAGE",
  "OTHER",
  "BLOCKLIST",
  "PROHIBITED_CONTENT",
  "SPII",
  "MODEL_ARMOR",
  "IMAGE_SAFETY",
  "IMAGE_PROHIBITED_CONTENT",
  "IMAGE_RECITATION",
  "IMAGE_OTHER",
]);

/** The model wrote a tool call that nobody can carry out: there is no answer, and another try may have one. */
const broken = new Set([
  "MALFORMED_FUNCTION_CALL",
  "MALFORMED_RESPONSE",
  "UNEXPECTED_TOOL_CALL",
  "TOO_MANY_TOOL_CALLS",
  "MISSING_THOUGHT_SIGNATURE",
]);

/** Undefined: the answer came to nothing. A reason that Google made up since counts as an ordinary end. */
export function finishReasonOf(reason: string, hasToolCalls: boolean): string | undefined {
  if (broken.has(reason)) return undefined;
  if (reason === "MAX_TOKENS") return "length";
  if (filtered.has(reason)) return "content_filter";
  return hasToolCalls ? "tool_calls" : "stop";
}
