import type { JsonObject } from "../../../lib/json-text.ts";
import type { Usage } from "../../../protocol/usage.ts";

/** How an answer ended, in Anthropic's fields. */
export interface AnswerEnd {
  readonly stop_reason: string;
  readonly stop_sequence: string | null;
  readonly stop_details?: object;
}

/** What is known of an answer's end, besides the chat's own `finish_reason`. */
export interface EndSigns {
  readonly hasToolCalls: boolean;
  readonly hasRefused: boolean;
  /** The client's own. */
  readonly stopSequences: readonly unknown[];
}

/** (https://docs.claude.com/en/api/handling-stop-reasons, read 2026-11-21) */
export function endOf(choice: JsonObject, signs: EndSigns): AnswerEnd {
  const { finish_reason: finish, stop_reason: matched } = choice;
  if (signs.hasRefused || finish === "content_filter") {
    const details = { type: "refusal", category: null, explanation: null };
    return { stop_reason: "refusal", stop_sequence: null, stop_details: details };
  }
  if (finish === "length") return { stop_reason: "max_tokens", stop_sequence: null };
  // OpenAI says "stop" where the call was asked for by name.
  if (signs.hasToolCalls) return { stop_reason: "tool_use", stop_sequence: null };
  // vLLM tells which sequence it met; others do not.
  if (typeof matched === "string" && signs.stopSequences.includes(matched)) {
    return { stop_reason: "stop_sequence", stop_sequence: matched };
  }
  return { stop_reason: "end_turn", stop_sequence: null };
}

/** Anthropic counts apart what OpenAI counts as part of the prompt. What is unknown is 0: the fields must be there. */
export function messageUsage(usage: Usage | undefined): object {
  const { inputTokens = 0, cachedInputTokens = 0, cacheWriteTokens = 0 } = usage ?? {};
  const { outputTokens = 0, reasoningTokens = 0 } = usage ?? {};
  return {
    input_tokens: Math.max(0, inputTokens - cachedInputTokens - cacheWriteTokens),
    cache_creation_input_tokens: cacheWriteTokens,
    cache_read_input_tokens: cachedInputTokens,
    output_tokens: outputTokens,
    ...(reasoningTokens > 0 && { output_tokens_details: { thinking_tokens: reasoningTokens } }),
  };
}
