import type { Failure } from "../../../errors.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { Lru } from "../../../lib/lru.ts";
import { thinkingTokensMin } from "./prompt.ts";

/** What a judge's request can do without. */
export type Dispensable = "logprobs" | "temperature" | "response_format" | "max_tokens";

/** What models have refused, so that it is asked of each only once. It lives as long as the gateway. */
export type ModelLimits = Lru<string, ReadonlySet<Dispensable>>;

/** Models; at the bound the one that was not asked for the longest time is asked anew what it takes. */
const modelsMax = 1_000;

export const modelLimits = (): ModelLimits => new Lru(modelsMax);

/**
 * The request without what its model does not take. One that only knows `max_completion_tokens` thinks before it speaks.
 * (https://platform.openai.com/docs/guides/reasoning, read 2026-11-21)
 */
export function withoutRefused(body: JsonObject, refused: ReadonlySet<Dispensable>): JsonObject {
  const left: Record<string, unknown> = { ...body };
  if (refused.has("temperature")) delete left["temperature"];
  if (refused.has("response_format")) delete left["response_format"];
  if (refused.has("logprobs")) {
    delete left["logprobs"];
    delete left["top_logprobs"];
  }
  if (refused.has("max_tokens")) {
    const { max_tokens: most } = body;
    delete left["max_tokens"];
    left["max_completion_tokens"] = Math.max(
      thinkingTokensMin,
      typeof most === "number" ? most : 0,
    );
  }
  return left;
}

/** What of this request the provider does not take, as far as its refusal says so. Vendors say it with different statuses. */
export function refusedPart(failure: Failure, body: JsonObject): Dispensable | undefined {
  const isRefusal = failure.kind === "provider_rejected" || failure.kind === "invalid_value";
  if (!isRefusal || !statuses.has(failure.status)) return undefined;
  const { param, message } = failure.body;
  const about = (text: string): Dispensable | undefined =>
    parts.find(({ field, pattern }) => body[field] !== undefined && pattern.test(text))?.field;
  return (param === null ? undefined : about(param)) ?? about(message);
}

const statuses: ReadonlySet<number> = new Set([400, 403, 404, 422]);

const parts: readonly { readonly field: Dispensable; readonly pattern: RegExp }[] = [
  { field: "logprobs", pattern: /log_?\s?prob/i },
  { field: "max_tokens", pattern: /max_(?:completion_)?tokens/i },
  { field: "temperature", pattern: /temperature/i },
  {
    field: "response_format",
    pattern:
      /response_?(?:format|schema|mime|json)|json[_\s]?(?:schema|mode)|structured output|output_(?:format|config)/i,
  },
];
