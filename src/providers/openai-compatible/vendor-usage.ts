import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { AnswerQuirks } from "./quirks.ts";

/** The answer with its `usage` counted as OpenAI counts it; the same object if it was. */
export function withOwnUsage(answer: JsonObject, quirks: AnswerQuirks): JsonObject {
  const given = answer["usage"] ?? extrasOf(answer, quirks)["usage"];
  if (!isJsonObject(given)) return answer;
  const usage = withCachedTokens(withReasoning(given, quirks), quirks);
  return usage === answer["usage"] ? answer : { ...answer, usage };
}

/** What the vendor says beside the answer of why it broke off. */
export function errorBeside(answer: JsonObject, quirks: AnswerQuirks): unknown {
  const error = extrasOf(answer, quirks)["error"];
  return typeof error === "string" && error !== "" ? { message: error } : undefined;
}

function extrasOf(answer: JsonObject, { extrasIn }: AnswerQuirks): JsonObject {
  const extras = extrasIn === undefined ? undefined : answer[extrasIn];
  return isJsonObject(extras) ? extras : {};
}

/** The sum tells whether reasoning was left out of the completion. */
function withReasoning(usage: JsonObject, { reasoningIsApart }: AnswerQuirks): JsonObject {
  const details = usage["completion_tokens_details"];
  if (!reasoningIsApart || !isJsonObject(details)) return usage;
  const reasoning = Number(details["reasoning_tokens"]);
  const completion = Number(usage["completion_tokens"]);
  const isLeftOut =
    reasoning > 0 &&
    Number(usage["prompt_tokens"]) + completion + reasoning === usage["total_tokens"];
  return isLeftOut ? { ...usage, completion_tokens: completion + reasoning } : usage;
}

function withCachedTokens(usage: JsonObject, { cachedTokensField }: AnswerQuirks): JsonObject {
  const cached = cachedTokensField === undefined ? undefined : usage[cachedTokensField];
  if (typeof cached !== "number") return usage;
  const details = usage["prompt_tokens_details"];
  const given = isJsonObject(details) ? details : {};
  if (typeof given["cached_tokens"] === "number") return usage;
  return { ...usage, prompt_tokens_details: { ...given, cached_tokens: cached } };
}
