import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import type { ModelTraits } from "../model-traits.ts";
import { invalid, isThinkingBlock } from "../wire.ts";
import type { Dropped, Turn } from "../wire.ts";

export interface ThinkingPlan {
  /** The field `thinking`; undefined leaves it to the model. */
  readonly thinking: JsonObject | undefined;
  /** `output_config.effort`. */
  readonly effort: string | undefined;
  readonly isThinking: boolean;
  /** Of `thinking`, where it has one. */
  readonly budgetTokens: number | undefined;
}

/**
 * `reasoning_effort`, or Anthropic's own `thinking`, in what the model takes. Thinking is left out where Anthropic
 * would refuse the request because of it: with a tool that must be called, and with a budget also where the
 * turn that goes on has lost its signed thoughts.
 * (https://platform.claude.com/docs/en/build-with-claude/extended-thinking and …/thinking-troubleshooting,
 * read 2026-11-21)
 */
export function toThinking(
  request: JsonObject,
  model: ModelTraits,
  { isForced, turns }: { readonly isForced: boolean; readonly turns: readonly Turn[] },
  dropped: Dropped,
): ThinkingPlan {
  const effort = readEffort(request["reasoning_effort"]);
  const native = isJsonObject(request["thinking"]) ? request["thinking"] : undefined;
  const asked = askedThinking(request, { effort, native }, model, dropped);
  const type = asked?.["type"];
  const isOn = type === "enabled" || type === "adaptive";
  const isRefused = isOn && (isForced || (type === "enabled" && hasLostThoughts(turns)));
  if (isRefused) dropped.add(native === undefined ? "reasoning_effort" : "thinking");
  const thinking = isRefused ? undefined : asked;
  return {
    thinking,
    effort: adaptiveEffort(effort, model),
    isThinking: isOn && !isRefused,
    budgetTokens: budgetOf(thinking),
  };
}

function budgetOf(thinking: JsonObject | undefined): number | undefined {
  const budget = thinking?.["budget_tokens"];
  return typeof budget === "number" ? budget : undefined;
}

const efforts = ["none", "minimal", "low", "medium", "high", "xhigh", "max"] as const;
type Effort = (typeof efforts)[number];

function readEffort(given: unknown): Effort | undefined {
  if (given == null) return undefined;
  const effort = efforts.find((name) => name === given);
  if (effort === undefined) {
    throw invalid("reasoning_effort", `must be one of: ${efforts.join(", ")}.`);
  }
  return effort;
}

/** In tokens. The least that Anthropic takes is 1,024; past 32,000 it advises against waiting for the answer. */
const budgets = {
  minimal: 1_024,
  low: 2_048,
  medium: 8_192,
  high: 16_384,
  xhigh: 32_000,
  max: 32_000,
} as const satisfies Record<Exclude<Effort, "none">, number>;

const budgetTokensMin = 1_024;

/** What is left for the answer where the budget would take all that the model can write. */
const answerTokensMin = 4_096;

/** A smaller limit of the client's has no room for thoughts beside an answer. */
const limitTokensMin = budgetTokensMin + 256;

/**
 * An effort's budget. Like OpenAI's, the client's limit covers thoughts and answer, of which the answer gets half
 * if it can; undefined where there is too little to think at all.
 */
function budgetFor(
  effort: Exclude<Effort, "none">,
  { maxTokensLimit }: ModelTraits,
  request: JsonObject,
): number | undefined {
  const limit = request["max_completion_tokens"] ?? request["max_tokens"];
  const most = Math.min(budgets[effort], maxTokensLimit - answerTokensMin);
  if (typeof limit !== "number") return most;
  if (limit < limitTokensMin) return undefined;
  return Math.min(most, Math.max(budgetTokensMin, Math.floor(limit / 2)));
}

/** The client's own `thinking` says more than an effort, and wins over it. */
function askedThinking(
  request: JsonObject,
  { effort, native }: { effort: Effort | undefined; native: JsonObject | undefined },
  model: ModelTraits,
  dropped: Dropped,
): JsonObject | undefined {
  if (effort === undefined) return native;
  if (native !== undefined) {
    if (model.thinking !== "adaptive") dropped.add("reasoning_effort");
    return native;
  }
  if (effort === "none") {
    if (model.noThinking === "impossible") dropped.add("reasoning_effort");
    const isSaid = model.noThinking === "disabled" || model.noThinking === "between_tools";
    return isSaid ? { type: model.noThinking } : undefined;
  }
  switch (model.thinking) {
    case "none":
      dropped.add("reasoning_effort");
      return undefined;
    case "budget": {
      const budget = budgetFor(effort, model, request);
      if (budget === undefined) dropped.add("reasoning_effort");
      return budget === undefined ? undefined : { type: "enabled", budget_tokens: budget };
    }
    case "adaptive":
      return { type: "adaptive", ...(model.hidesThinking ? { display: "summarized" } : {}) };
  }
}

/** Where thinking cannot be turned off, the least of it comes nearest to none. */
function adaptiveEffort(effort: Effort | undefined, model: ModelTraits): string | undefined {
  if (model.thinking !== "adaptive") return undefined;
  if (effort === "none") return model.noThinking === "impossible" ? "low" : undefined;
  if (effort === "minimal") return "low";
  return effort === "xhigh" && !model.hasXhigh ? "max" : effort;
}

/**
 * Whether the turn that this request goes on with lacks the thoughts it began with: the results of its calls
 * are in, but the client did not bring `thinking_blocks` back. So does an answer begun by the client.
 */
function hasLostThoughts(turns: readonly Turn[]): boolean {
  const lastQuestion = turns.findLastIndex(
    ({ role, content }) =>
      role === "user" && !content.some((block) => block["type"] === "tool_result"),
  );
  const begun = turns.slice(lastQuestion + 1).find(({ role }) => role === "assistant");
  const first = begun?.content[0];
  return first !== undefined && !isThinkingBlock(first);
}
