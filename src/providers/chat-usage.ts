import type { Usage } from "../protocol/usage.ts";

/**
 * OpenAI's `usage` object of a chat, for vendors that count in a shape of their own. Cache writes go under
 * `cache_write_tokens`, which OpenAI has no name for: OpenRouter's.
 * (https://openrouter.ai/docs/guides/best-practices/prompt-caching, read 2026-11-21)
 */
export function chatUsage(usage: Usage): object {
  const { inputTokens, cachedInputTokens, cacheWriteTokens, outputTokens, reasoningTokens } = usage;
  const written = cacheWriteTokens === 0 ? {} : { cache_write_tokens: cacheWriteTokens };
  return {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
    prompt_tokens_details: { cached_tokens: cachedInputTokens, ...written },
    completion_tokens_details: { reasoning_tokens: reasoningTokens },
  };
}
