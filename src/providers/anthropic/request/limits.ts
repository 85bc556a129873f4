import type { JsonObject } from "../../../lib/json-text.ts";
import type { ModelTraits } from "../model-traits.ts";
import type { ThinkingPlan } from "./thinking.ts";
import type { Dropped } from "../wire.ts";

/**
 * How much the model may write, and where it stops. A client's limit that leaves nothing beside the budget
 * for thinking grows by that budget: it was meant for the answer.
 */
export function toLimits(
  request: JsonObject,
  model: ModelTraits,
  { budgetTokens = 0 }: ThinkingPlan,
  dropped: Dropped,
): JsonObject {
  const given = request["max_completion_tokens"] ?? request["max_tokens"];
  const wanted = typeof given === "number" ? given : model.maxTokensDefault;
  const grown = Math.min(wanted + budgetTokens, model.maxTokensLimit);
  const stops = stopSequences(request, dropped);
  return {
    max_tokens: wanted > budgetTokens ? wanted : grown,
    ...(stops.length === 0 ? {} : { stop_sequences: stops }),
  };
}

/** Anthropic refuses sequences without a visible character. */
function stopSequences(request: JsonObject, dropped: Dropped): readonly string[] {
  const name = request["stop"] == null ? "stop_sequences" : "stop";
  const given: readonly unknown[] = [request[name] ?? []].flat();
  const visible = given.filter((stop) => typeof stop === "string").filter((stop) => stop.trim());
  if (visible.length < given.length) dropped.add(name);
  return visible;
}

/** The least `top_p` beside thinking. */
const thinkingTopPMin = 0.95;

/**
 * `temperature`, `top_p` and `top_k`, as far as the model takes them: none since Claude 4.7, one of the first two
 * since Claude 4, and hardly any while it thinks. OpenAI's temperatures go to 2, Anthropic's to 1.
 * (https://platform.claude.com/docs/en/build-with-claude/extended-thinking#feature-compatibility and the
 * migration guides, read 2026-11-21)
 */
export function toSampling(
  request: JsonObject,
  model: ModelTraits,
  { isThinking }: ThinkingPlan,
  dropped: Dropped,
): JsonObject {
  const { temperature, top_p: topP, top_k: topK } = request;
  const taken: Record<string, unknown> = {};
  const take = (name: string, value: unknown, isTaken: boolean): void => {
    if (value == null) return;
    if (isTaken) taken[name] = value;
    else dropped.add(name);
  };
  const heat = typeof temperature === "number" ? Math.min(temperature, 1) : undefined;
  take("temperature", heat, model.takesSampling && (!isThinking || heat === 1));
  const isAlone = taken["temperature"] === undefined || model.takesTemperatureWithTopP;
  const isHighEnough = !isThinking || (typeof topP === "number" && topP >= thinkingTopPMin);
  take("top_p", topP, model.takesSampling && isAlone && isHighEnough);
  take("top_k", topK, model.takesSampling && !isThinking);
  return taken;
}
