import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { CachedEndpoint } from "../cache-store.ts";

/**
 * The usage of an answer that came from the cache: the whole prompt counts as read from a cache, in the endpoint's own
 * fields, and the sums stay what they were. Embeddings have no field for that.
 */
export function cachedUsage(endpoint: CachedEndpoint, usage: JsonObject): JsonObject {
  switch (endpoint) {
    case "chat":
    case "completions":
      return withCachedTokens(usage, "prompt_tokens", "prompt_tokens_details");
    case "responses":
      return withCachedTokens(usage, "input_tokens", "input_tokens_details");
    case "messages":
      return messageUsage(usage);
    case "embeddings":
      return usage;
  }
}

function withCachedTokens(usage: JsonObject, tokens: string, details: string): JsonObject {
  const given = usage[details];
  if (typeof usage[tokens] !== "number") return usage;
  return {
    ...usage,
    [details]: { ...(isJsonObject(given) ? given : {}), cached_tokens: usage[tokens] },
  };
}

/** Anthropic counts apart what was read from the cache, what was written to it and the rest. */
function messageUsage(usage: JsonObject): JsonObject {
  const { input_tokens: rest, cache_creation: written } = usage;
  const read = usage["cache_read_input_tokens"];
  const created = usage["cache_creation_input_tokens"];
  if (typeof rest !== "number") return usage;
  return {
    ...usage,
    input_tokens: 0,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: rest + count(read) + count(created),
    ...(isJsonObject(written) && {
      cache_creation: Object.fromEntries(Object.keys(written).map((name) => [name, 0])),
    }),
  };
}

const count = (value: unknown): number => (typeof value === "number" ? value : 0);
