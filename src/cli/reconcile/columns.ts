/**
 * What exports call the same things, by the names of their columns and fields, lower-case with `_` for whatever is no
 * letter or digit. The first that is there counts.
 *
 * OpenAI: https://platform.openai.com/docs/api-reference/usage; the dashboard's CSV has the same names beside
 * `start_time_iso`. Anthropic: https://platform.claude.com/docs/en/api/admin-api/usage-cost/get-messages-usage-report;
 * its console's CSV has `usage_date_utc`, `model_version` and `usage_…`. (Read 2026-11-21)
 */
export const dayColumns = [
  "day",
  "date",
  "usage_date_utc",
  "usage_date",
  "start_time_iso",
  "starting_at",
  "start_time",
  "aggregation_timestamp",
  "timestamp",
  "created_at",
  "created",
  "time",
];

export const modelColumns = [
  "model",
  "model_version",
  "model_name",
  "model_id",
  "model_permaslug",
  "served_model",
  "snapshot_id",
  "line_item",
];

export const requestColumns = [
  "num_model_requests",
  "num_requests",
  "n_requests",
  "requests",
  "request_count",
  "requests_total",
  "api_calls",
  "calls",
];

/** All of the input. */
export const inputColumns = [
  "input_tokens",
  "prompt_tokens",
  "n_context_tokens_total",
  "context_tokens_total",
  "tokens_prompt",
  "total_input_tokens",
  "input",
];

/** The input without what was read from a cache or written to one, which stand apart. */
export const uncachedInputColumns = ["uncached_input_tokens", "usage_input_tokens_no_cache"];

/** Of these, each group's first; they are added up. */
export const cachedInputGroups = [
  ["cache_read_input_tokens", "usage_input_tokens_cache_read"],
  ["cache_creation_ephemeral_5m_input_tokens", "usage_input_tokens_cache_write_5m"],
  ["cache_creation_ephemeral_1h_input_tokens", "usage_input_tokens_cache_write_1h"],
];

/** Both kinds of writing to a cache together, in place of the last two groups. */
export const cacheWriteColumns = ["cache_creation_input_tokens", "usage_input_tokens_cache_write"];

/**
 * In a row with these names `input_tokens` is Anthropic's: without what they count. OpenAI's `input_cached_tokens` is
 * part of its `input_tokens`.
 */
export const anthropicCacheColumns = ["cache_read_input_tokens", "cache_creation_input_tokens"];

export const outputColumns = [
  "output_tokens",
  "completion_tokens",
  "usage_output_tokens",
  "n_generated_tokens_total",
  "generated_tokens_total",
  "tokens_completion",
  "total_output_tokens",
  "output",
];

export const costColumns = [
  "cost_usd",
  "amount_usd",
  "total_cost_usd",
  "cost_in_usd",
  "amount_value",
  "total_cost",
  "cost",
  "amount",
  "spend",
];

/** `model`, and what is in it: `cache_creation: { ephemeral_5m_input_tokens }` is `cache_creation_ephemeral_…`. */
export function flatten(
  value: Readonly<Record<string, unknown>>,
  prefix = "",
): ReadonlyMap<string, unknown> {
  const fields = new Map<string, unknown>();
  for (const [name, held] of Object.entries(value)) {
    const plain = `${prefix}${name
      .trim()
      .toLowerCase()
      .replaceAll(/[^a-z0-9]+/g, "_")
      .replaceAll(/^_|_$/g, "")}`;
    if (isObject(held) && prefix === "") {
      for (const [inner, deep] of flatten(held, `${plain}_`)) fields.set(inner, deep);
    } else if (!fields.has(plain)) {
      fields.set(plain, held);
    }
  }
  return fields;
}

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
