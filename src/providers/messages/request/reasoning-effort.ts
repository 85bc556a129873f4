import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { Translation } from "./translation.ts";

/**
 * Models that refuse `reasoning_effort`, by how their names begin after any `vendor/`.
 * (https://platform.openai.com/docs/guides/reasoning, read 2026-11-21)
 */
const doNotThink = /^(?:.*\/)?(?:ft:)?(?:gpt-3|gpt-4|chatgpt-|gpt-5[\d.]*-chat|o1-mini|o1-preview)/;

/**
 * Models of OpenAI's that answer 400 on `/chat/completions` to tools beside any effort but "none"; the newest
 * of them also where no effort is given, since they think unless told not to.
 * (https://github.com/openai/openai-openapi/issues/541, https://github.com/BerriAI/litellm/pull/34569, read 2026-11-21)
 */
const takeToolsUnthinking = /^gpt-5\.(?:[2-9]|\d\d)/;

/**
 * OpenAI's models that know no effort above "high", and none above "xhigh"; Claude has both.
 * (https://platform.openai.com/docs/guides/reasoning,
 * https://github.com/The-PR-Agent/pr-agent/issues/3271, read 2026-11-21)
 */
const thinkHighAtMost = /^(?:.*\/)?(?:ft:)?(?:o\d|gpt-oss|gpt-5(?:\.1)?(?![\d.]|-codex-max))/;
const thinkXhighAtMost = /^(?:.*\/)?(?:ft:)?gpt-5\.(?:1-codex-max|[2-5](?!\d))/;

/**
 * How many thinking tokens stand for which effort: between those that Gemini spends on each, 1,024, 8,192 and
 * 24,576. (https://ai.google.dev/gemini-api/docs/openai#thinking, read 2026-11-21)
 */
const lowTokensMax = 4_096;
const mediumTokensMax = 16_384;

/**
 * `reasoning_effort` for what `thinking` and `output_config.effort` ask for; undefined where the model is left
 * to itself.
 */
export function effortOf(request: JsonObject, translation: Translation): string | undefined {
  const { thinking, output_config: output } = request;
  const asked = askedEffort(request);
  const taken = takenEffort(asked, request, translation);
  if (asked !== undefined && asked === taken) return taken;
  if (thinking != null) translation.dropped.add("thinking");
  if (isJsonObject(output) && output["effort"] != null) {
    translation.dropped.add("output_config.effort");
  }
  return taken;
}

/** Both vendors use the same words. Thinking that is turned off has none: not every model takes "none". */
function askedEffort({ thinking, output_config: output }: JsonObject): string | undefined {
  const type = isJsonObject(thinking) ? thinking["type"] : undefined;
  if (type !== undefined && type !== "adaptive" && type !== "enabled") return undefined;
  if (isJsonObject(output) && typeof output["effort"] === "string") return output["effort"];
  if (!isJsonObject(thinking)) return undefined;
  if (type === "adaptive") return "medium";
  const tokens = Number(thinking["budget_tokens"] ?? mediumTokensMax);
  if (tokens <= lowTokensMax) return "low";
  return tokens <= mediumTokensMax ? "medium" : "high";
}

function takenEffort(
  asked: string | undefined,
  { tools }: JsonObject,
  { traits, model }: Translation,
): string | undefined {
  if (traits.effortModels?.test(model) === false || doNotThink.test(model)) return undefined;
  const hasTools = Array.isArray(tools) && tools.length > 0;
  if (hasTools && takeToolsUnthinking.test(model)) return "none";
  if (asked !== "xhigh" && asked !== "max") return asked;
  if (thinkHighAtMost.test(model)) return "high";
  return thinkXhighAtMost.test(model) ? "xhigh" : asked;
}
