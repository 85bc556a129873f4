import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { cleanSchema, isExpressible } from "./clean-schema.ts";
import type { ModelTraits } from "../model-traits.ts";
import type { AnswerFormat } from "./output-format.ts";
import { cacheMark, invalid } from "../wire.ts";
import type { Block, Dropped, Turn } from "../wire.ts";

/** The two fields of a request that are about tools. */
export interface ToolPlan {
  readonly tools: readonly JsonObject[];
  readonly choice: JsonObject | undefined;
  /** The model has to call a tool, which it cannot do while it thinks. */
  readonly isForced: boolean;
}

/**
 * OpenAI's functions as Anthropic's tools, and what the model may or must do with them.
 * (https://platform.claude.com/docs/en/agents-and-tools/tool-use/define-tools, read 2026-11-21)
 */
export function toToolPlan(
  request: JsonObject,
  model: ModelTraits,
  { format, turns }: { readonly format: AnswerFormat; readonly turns: readonly Turn[] },
  dropped: Dropped,
): ToolPlan {
  const asked = readChoice(request["tool_choice"]);
  const given = toTools(request["tools"], model, dropped);
  const allowed = given.filter(({ name }) => asked.only?.has(String(name)) ?? true);
  checkNamed(asked, given);
  if (format.kind === "tool" && !isForce(asked)) {
    const others = asked.type === "none" ? [] : allowed;
    const choice: Choice =
      others.length === 0 ? { type: "tool", name: format.tool["name"] } : { type: "any" };
    return { tools: [...others, format.tool], choice: toChoice(choice, request), isForced: true };
  }
  if (allowed.length === 0) return planWithout(asked, turns);
  if (isForce(asked) && !model.takesForcedTools) {
    dropped.add("tool_choice");
    const free: Choice = { ...asked, type: "auto" };
    return { tools: allowed, choice: toChoice(free, request), isForced: false };
  }
  return { tools: allowed, choice: toChoice(asked, request), isForced: isForce(asked) };
}

const isForce = ({ type }: Choice): boolean => type === "any" || type === "tool";

function toChoice(
  { type, name, isSingle, isSaid }: Choice,
  request: JsonObject,
): JsonObject | undefined {
  const wantsOne = isSingle === true || request["parallel_tool_calls"] === false;
  const one = wantsOne && type !== "none" ? { disable_parallel_tool_use: true } : undefined;
  // `auto` is what Anthropic does by itself.
  if (type === "auto" && one === undefined && isSaid !== true) return undefined;
  return { type, ...(type === "tool" ? { name } : {}), ...one };
}

/** Calls in the history need tools that they are calls of; the model may not call these again. */
function planWithout(asked: Choice, turns: readonly Turn[]): ToolPlan {
  if (isForce(asked)) {
    throw invalid("tool_choice", "asks for a tool, and 'tools' has none that is allowed.");
  }
  const called = new Set(
    turns.flatMap(({ content }) =>
      content.filter((block) => block["type"] === "tool_use").map((block) => block["name"]),
    ),
  );
  const tools = [...called].map((name) => ({ name, input_schema: { type: "object" } }));
  const choice = tools.length === 0 ? undefined : { type: "none" };
  return { tools, choice, isForced: false };
}

interface Choice {
  readonly type: "auto" | "any" | "tool" | "none";
  readonly name?: unknown;
  /** The names of the tools that may be called at all; undefined for all. */
  readonly only?: ReadonlySet<string>;
  /** The client itself wrote `auto`. */
  readonly isSaid?: boolean;
  /** One call at a time, as Anthropic's own form of the choice says it. */
  readonly isSingle?: boolean;
}

function readChoice(given: unknown): Choice {
  if (given == null) return { type: "auto" };
  if (given === "auto") return { type: "auto", isSaid: true };
  if (given === "required") return { type: "any" };
  if (given === "none") return { type: "none" };
  if (!isJsonObject(given)) throw invalid("tool_choice", "must be none, auto, required or a tool.");
  switch (given["type"]) {
    case "function": {
      const fn = isJsonObject(given["function"]) ? given["function"] : given;
      return { type: "tool", name: fn["name"] };
    }
    case "allowed_tools":
      return allowedTools(isJsonObject(given["allowed_tools"]) ? given["allowed_tools"] : given);
    case "tool":
      return { type: "tool", name: given["name"], isSingle: isSingle(given) };
    case "auto":
    case "any":
    case "none":
      return { type: given["type"], isSingle: isSingle(given), isSaid: true };
    default:
      throw invalid("tool_choice.type", `is '${String(given["type"])}', which Claude has not.`);
  }
}

const isSingle = (choice: JsonObject): boolean => choice["disable_parallel_tool_use"] === true;

function allowedTools(given: JsonObject): Choice {
  const names = objectsOf(given["tools"]).map((tool) =>
    String(isJsonObject(tool["function"]) ? tool["function"]["name"] : tool["name"]),
  );
  return { type: given["mode"] === "required" ? "any" : "auto", only: new Set(names) };
}

function checkNamed(asked: Choice, tools: readonly JsonObject[]): void {
  if (asked.type !== "tool" || tools.some(({ name }) => name === asked.name)) return;
  throw invalid("tool_choice", `names '${String(asked.name)}', which is not in 'tools'.`);
}

function toTools(tools: unknown, model: ModelTraits, dropped: Dropped): JsonObject[] {
  return objectsOf(tools).map((tool, index) => {
    const path = `tools[${index}]`;
    if (tool["type"] === "custom" && tool["input_schema"] === undefined) {
      throw invalid(path, "is a custom tool, which Claude has not: give it as a function.");
    }
    if (tool["type"] !== "function") return tool;
    if (!isJsonObject(tool["function"])) throw invalid(`${path}.function`, "is required.");
    return toTool(tool, tool["function"], model, dropped);
  });
}

/** Anthropic's own fields of a tool, which clients may put on either level. */
const nativeFields = [
  "defer_loading",
  "eager_input_streaming",
  "input_examples",
  "allowed_callers",
];

function toTool(tool: JsonObject, fn: JsonObject, model: ModelTraits, dropped: Dropped): Block {
  const parameters = isJsonObject(fn["parameters"]) ? fn["parameters"] : { properties: {} };
  const schema: JsonObject = { type: "object", ...parameters };
  // To close what must stay open would forbid what the client wants.
  const canBeStrict = model.hasStructuredOutputs && isExpressible(schema);
  const isStrict = fn["strict"] === true && canBeStrict;
  if (fn["strict"] === true && !canBeStrict) dropped.add("tools.function.strict");
  const native = nativeFields.flatMap((name) => {
    const value = fn[name] ?? tool[name];
    return value == null ? [] : [[name, value] as const];
  });
  return {
    name: fn["name"],
    ...(typeof fn["description"] === "string" ? { description: fn["description"] } : {}),
    input_schema: isStrict ? cleanSchema(schema) : schema,
    ...(isStrict ? { strict: true } : {}),
    ...cacheMark(fn),
    ...cacheMark(tool),
    ...Object.fromEntries(native),
  };
}
