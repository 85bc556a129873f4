import { bareName, traitsOf } from "../model-generation.ts";

/** Gemini's `thinkingConfig`. */
export type ThinkingConfig = Readonly<Record<string, string | number | boolean>>;

/**
 * What Google's own OpenAI API makes of `reasoning_effort`, except that thoughts are shown as well: they come
 * as `reasoning_content`. Undefined for a model that does not think, and for an effort nobody has heard of.
 * (https://ai.google.dev/gemini-api/docs/openai#thinking, read 2026-11-21)
 */
export function thinkingFor(effort: string, model: string): ThinkingConfig | undefined {
  const { thinking } = traitsOf(model);
  if (thinking === "none" || !efforts.has(effort)) return undefined;
  const includeThoughts = effort !== "none";
  if (thinking === "level") return { thinkingLevel: levelOf(effort, model), includeThoughts };
  return { thinkingBudget: budgetOf(effort, model), includeThoughts };
}

const efforts = new Set(["none", "minimal", "low", "medium", "high", "xhigh", "max"]);

/** In tokens. */
const lowBudget = 1_024;
const mediumBudget = 8_192;
const highBudget = 24_576;
/** Gemini 2.5 Pro cannot leave thinking. (https://ai.google.dev/gemini-api/docs/thinking, read 2026-11-21) */
const proBudgetMin = 128;

function budgetOf(effort: string, model: string): number {
  switch (effort) {
    case "none":
      return isPro(model) ? proBudgetMin : 0;
    case "minimal":
    case "low":
      return lowBudget;
    case "medium":
      return mediumBudget;
    default:
      return highBudget;
  }
}

/** No model of this generation can leave thinking altogether. */
function levelOf(effort: string, model: string): string {
  switch (effort) {
    case "none":
    case "minimal":
      return hasMinimal(model) ? "minimal" : "low";
    case "low":
      return "low";
    case "medium":
      // Gemini 3 Pro, the first of them, has only two levels.
      return bareName(model).startsWith("gemini-3-pro") ? "high" : "medium";
    default:
      return "high";
  }
}

/** Flash models have the level `minimal` up to 3.6, the Lite ones all do. */
function hasMinimal(model: string): boolean {
  const name = bareName(model);
  if (name.includes("flash-lite")) return true;
  const [, major, minor] = /^gemini-(\d+)(?:\.(\d+))?-flash/.exec(name) ?? [];
  return Number(major) === 3 && Number(minor ?? 0) < 7;
}

function isPro(model: string): boolean {
  return bareName(model).includes("-pro");
}
