import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { fitsStrictMode } from "./strict-schema.ts";
import { anthropicOnly, fault } from "./translation.ts";
import type { Translation } from "./translation.ts";

/** `tools`, `tool_choice` and `parallel_tool_calls`; OpenAI takes the last two only beside the first. */
export function toChatTools(request: JsonObject, translation: Translation): JsonObject {
  const given = Array.isArray(request["tools"]) ? (request["tools"] as unknown[]) : [];
  const tools = given.flatMap((tool, index) =>
    isJsonObject(tool) ? toChatTool(tool, `tools[${index}]`, translation) : [],
  );
  if (tools.length === 0) return {};
  const choice = request["tool_choice"];
  if (!isJsonObject(choice)) return { tools };
  return {
    tools,
    tool_choice: toChatChoice(choice, translation),
    ...(choice["disable_parallel_tool_use"] === true && { parallel_tool_calls: false }),
  };
}

/** Fields that tell Anthropic how to run or to show a tool, and change nothing about what it is. */
const harmless = ["defer_loading", "eager_input_streaming", "input_examples", "allowed_callers"];

/**
 * Anthropic's search over tools is not needed where all of them are given at once.
 * (https://docs.claude.com/en/docs/agents-and-tools/tool-use/tool-search-tool, read 2026-11-21)
 */
const searchTool = /^tool_search_tool_/;

function toChatTool(tool: JsonObject, place: string, translation: Translation): JsonObject[] {
  const { traits, dropped } = translation;
  const { type, cache_control: cacheControl } = tool;
  if (typeof type === "string" && type !== "custom") {
    if (!searchTool.test(type)) throw anthropicOnly(`${place}.type`, `the tool '${type}'`);
    dropped.add(type);
    return [];
  }
  for (const field of harmless) if (tool[field] != null) dropped.add(`tools.${field}`);
  const keepsCache = cacheControl != null && traits.takesCacheControl;
  if (cacheControl != null && !keepsCache) dropped.add("cache_control");
  return [
    {
      type: "function",
      function: toFunction(tool, place, translation),
      ...(keepsCache && { cache_control: cacheControl }),
    },
  ];
}

function toFunction(tool: JsonObject, place: string, translation: Translation): JsonObject {
  const { name, description, input_schema: schema, strict } = tool;
  if (typeof name !== "string" || name === "") throw fault(`${place}.name`, "is required.");
  if (!isJsonObject(schema)) throw fault(`${place}.input_schema`, "must be a JSON schema.");
  const isStrict = strict === true && fitsStrictMode(schema);
  if (strict === true && !isStrict) translation.dropped.add("tools.strict");
  return {
    name: translation.toolNames.toChat(name),
    ...(typeof description === "string" && { description }),
    parameters: withProperties(schema),
    ...(isStrict && { strict: true }),
  };
}

/**
 * MCP's tools without input say `{"type":"object"}` and no more, which OpenAI answers with a 400.
 * (https://github.com/openai/openai-agents-python/issues/449, read 2026-11-21)
 */
function withProperties(schema: JsonObject): JsonObject {
  const lacksThem = schema["type"] === "object" && schema["properties"] == null;
  return lacksThem ? { ...schema, properties: {} } : schema;
}

function toChatChoice(choice: JsonObject, { toolNames }: Translation): unknown {
  const { type, name } = choice;
  switch (type) {
    case "auto":
    case "none":
      return type;
    case "any":
      return "required";
    case "tool":
      if (typeof name !== "string") throw fault("tool_choice.name", "is required.");
      return { type: "function", function: { name: toolNames.toChat(name) } };
    default:
      throw fault("tool_choice.type", "must be one of: auto, any, tool, none.");
  }
}
