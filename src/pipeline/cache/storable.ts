import { isFilledList, isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { CachedEndpoint } from "./cache-store.ts";

export type NotStoredReason = (typeof notStoredReasons)[number];
export const notStoredReasons = [
  /** What it says is for somebody to act on, once. */
  "tool_calls",
  /** It ran into the limit of its tokens. */
  "truncated",
  /** The provider or the shield kept something back, or marked it. */
  "flagged",
  /** An error, whatever its status was. */
  "failed",
  /** It was not read to its end, or says that it has none yet. */
  "unfinished",
  "audio",
  /** The provider keeps it under a name of its own. */
  "stored_response",
  "too_large",
  /** It is in no form that we know. */
  "unknown_form",
] as const;

/** The largest answer that is kept: some 250,000 tokens of text. */
export const storedBytesMax = 1024 * 1024;

/**
 * Why a whole answer may not be kept, as far as the answer itself says; undefined for one that may. What came as a
 * stream is put together first (`foldEvents`). Costs a look at each choice, block or item.
 */
export function whyNotStored(
  endpoint: CachedEndpoint,
  answer: JsonObject,
): NotStoredReason | undefined {
  if (isThere(answer["error"])) return "failed";
  switch (endpoint) {
    case "chat":
      return whyNotChoices(answer["choices"], whyNotChatChoice);
    case "completions":
      return whyNotChoices(answer["choices"], whyNotFinished);
    case "responses":
      return whyNotResponse(answer);
    case "messages":
      return whyNotMessage(answer);
    case "embeddings":
      return isFilledList(answer["data"]) ? undefined : "unknown_form";
  }
}

function whyNotChoices(
  choices: unknown,
  whyNot: (choice: JsonObject) => NotStoredReason | undefined,
): NotStoredReason | undefined {
  if (!isFilledList(choices)) return "unknown_form";
  for (const choice of choices) {
    const reason = isJsonObject(choice) ? whyNot(choice) : "unknown_form";
    if (reason !== undefined) return reason;
  }
  return undefined;
}

function whyNotChatChoice(choice: JsonObject): NotStoredReason | undefined {
  const { message } = choice;
  if (!isJsonObject(message)) return "unknown_form";
  if (isFilledList(message["tool_calls"]) || isThere(message["function_call"])) return "tool_calls";
  if (isThere(message["audio"])) return "audio";
  // OpenAI's models say no in a field of its own, and finish as usual.
  if (isThere(message["refusal"]) && message["refusal"] !== "") return "flagged";
  return whyNotFinished(choice);
}

/** (https://platform.openai.com/docs/api-reference/chat/object#chat-object-choices-finish_reason, read 2026-11-21) */
const finishReasons = new Map<unknown, NotStoredReason | undefined>([
  ["stop", undefined],
  ["length", "truncated"],
  ["model_length", "truncated"],
  ["content_filter", "flagged"],
  ["tool_calls", "tool_calls"],
  ["function_call", "tool_calls"],
  ["error", "failed"],
]);

/** A reason that nobody knows is not a completed answer, as far as we can tell. */
function whyNotFinished({ finish_reason: finish }: JsonObject): NotStoredReason | undefined {
  return finishReasons.has(finish) ? finishReasons.get(finish) : "unfinished";
}

/** (https://docs.claude.com/en/api/handling-stop-reasons, read 2026-11-21) */
const stopReasons = new Map<unknown, NotStoredReason | undefined>([
  ["end_turn", undefined],
  ["stop_sequence", undefined],
  ["max_tokens", "truncated"],
  ["model_context_window_exceeded", "truncated"],
  ["tool_use", "tool_calls"],
  ["refusal", "flagged"],
]);

/** Blocks that say something, where all others do something or tell what was done. */
const messageBlocks: ReadonlySet<unknown> = new Set(["text", "thinking", "redacted_thinking"]);

function whyNotMessage(answer: JsonObject): NotStoredReason | undefined {
  const { content, stop_reason: stop } = answer;
  if (answer["type"] === "error") return "failed";
  if (!Array.isArray(content)) return "unknown_form";
  if (!content.every((block) => isJsonObject(block) && messageBlocks.has(block["type"]))) {
    return "tool_calls";
  }
  return stopReasons.has(stop) ? stopReasons.get(stop) : "unfinished";
}

const outputItems: ReadonlySet<unknown> = new Set(["message", "reasoning"]);

/** (https://platform.openai.com/docs/api-reference/responses/object, read 2026-11-21) */
function whyNotResponse(answer: JsonObject): NotStoredReason | undefined {
  const { status, output } = answer;
  if (status === "failed" || status === "cancelled") return "failed";
  if (status === "incomplete") return isFiltered(answer) ? "flagged" : "truncated";
  if (status !== "completed") return "unfinished";
  if (!Array.isArray(output)) return "unknown_form";
  if (!output.every((item) => isJsonObject(item) && outputItems.has(item["type"]))) {
    return "tool_calls";
  }
  if (output.some((item) => hasPart(item, "output_audio"))) return "audio";
  if (output.some((item) => hasPart(item, "refusal"))) return "flagged";
  return answer["store"] === true ? "stored_response" : undefined;
}

function isFiltered({ incomplete_details: details }: JsonObject): boolean {
  return isJsonObject(details) && details["reason"] === "content_filter";
}

function hasPart(item: unknown, type: string): boolean {
  if (!isJsonObject(item) || !Array.isArray(item["content"])) return false;
  return item["content"].some((part) => isJsonObject(part) && part["type"] === type);
}

const isThere = (value: unknown): boolean => value !== undefined && value !== null;
