/** What the chat behind `/v1/messages` can take beyond OpenAI's own fields. */
export interface ChatTraits {
  /**
   * What it calls the limit of the answer. OpenAI's models that reason refuse the older name, and servers that
   * are only like OpenAI's may not know the newer one: a limit that is ignored is none.
   */
  readonly maxTokensField: "max_completion_tokens" | "max_tokens";
  /** It wants the model's earlier thoughts back, as `reasoning_content` (DeepSeek in tool loops). */
  readonly takesReasoning: boolean;
  /** Its models that know `reasoning_effort`, where it refuses the field for others. */
  readonly effortModels?: RegExp | undefined;
  /** It knows Anthropic's `cache_control` on messages, parts and tools (OpenRouter). */
  readonly takesCacheControl: boolean;
  /** It knows `top_k` (vLLM). */
  readonly takesTopK: boolean;
}

export const plainChat: ChatTraits = {
  maxTokensField: "max_completion_tokens",
  takesReasoning: false,
  takesCacheControl: false,
  takesTopK: false,
};
