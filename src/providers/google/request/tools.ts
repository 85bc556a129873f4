import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { camelCase } from "./camel-case.ts";
import { cleanParameters } from "./clean-schema.ts";
import { fault } from "./request-fault.ts";
import type { ToolNames } from "../tool-names.ts";

/**
 * Tools that Google runs itself; a client names them in `type`, with their settings beside it:
 * `{"type": "google_search"}`. (https://ai.google.dev/api/caching#Tool, read 2026-11-21)
 */
const googleTools = new Set([
  "googleSearch",
  "googleSearchRetrieval",
  "codeExecution",
  "urlContext",
  "googleMaps",
  "fileSearch",
  "computerUse",
]);

/** `tools` as Gemini takes them; undefined where there are none. Throws `invalid_value`. */
export function toolsOf(request: JsonObject, names: ToolNames): JsonObject[] {
  const given = request["tools"];
  const functionDeclarations: JsonObject[] = [];
  const others: JsonObject[] = [];
  (Array.isArray(given) ? given : []).forEach((tool: unknown, index) => {
    const param = `tools[${index}]`;
    if (!isJsonObject(tool)) throw fault(param, `'${param}' must be an object.`);
    if (tool["type"] === "function") functionDeclarations.push(declarationOf(tool, param, names));
    else others.push(googleTool(tool, param));
  });
  if (isJsonObject(request["web_search_options"])) others.push({ googleSearch: {} });
  return functionDeclarations.length === 0 ? others : [{ functionDeclarations }, ...others];
}

function declarationOf(tool: JsonObject, param: string, names: ToolNames): JsonObject {
  const fn = tool["function"];
  if (!isJsonObject(fn) || typeof fn["name"] !== "string") {
    throw fault(`${param}.function`, `'${param}.function' must have a name.`);
  }
  const { description, parameters: schema } = fn;
  const parameters = isJsonObject(schema)
    ? cleanParameters(schema, `${param}.function.parameters`)
    : undefined;
  return {
    name: names.toGemini(fn["name"]),
    ...(typeof description === "string" ? { description } : {}),
    ...(parameters === undefined ? {} : { parameters }),
  };
}

function googleTool(tool: JsonObject, param: string): JsonObject {
  const type = camelCase(String(tool["type"]));
  if (!googleTools.has(type)) {
    const shown = String(tool["type"]).slice(0, 50);
    throw fault(`${param}.type`, `Gemini has functions and Google's own tools, but no '${shown}'.`);
  }
  const settings = tool[String(tool["type"])] ?? tool[type];
  return { [type]: isJsonObject(settings) ? settings : {} };
}

/** `tool_choice`; undefined where the model may do as it likes. Throws `invalid_value`. */
export function toolConfigOf(
  request: JsonObject,
  tools: readonly JsonObject[],
  names: ToolNames,
): JsonObject | undefined {
  const choice = request["tool_choice"];
  const declared = declaredNames(tools);
  if (choice == null) return undefined;
  const { mode, wanted } = readChoice(choice);
  if (declared.size === 0) {
    if (mode !== "ANY" && mode !== "VALIDATED") return undefined;
    throw fault("tool_choice", "'tool_choice' asks for a function, and 'tools' has none.");
  }
  const allowed = wanted?.map((name) => names.toGemini(name));
  const missing = allowed?.findIndex((name) => !declared.has(name)) ?? -1;
  if (missing !== -1)
    throw fault("tool_choice", "'tool_choice' names a function that 'tools' lacks.");
  return {
    functionCallingConfig: {
      mode,
      ...(allowed === undefined ? {} : { allowedFunctionNames: allowed }),
    },
  };
}

function declaredNames(tools: readonly JsonObject[]): Set<unknown> {
  const declarations = tools.flatMap((tool) => tool["functionDeclarations"] ?? []);
  return new Set(declarations.map((one) => (isJsonObject(one) ? one["name"] : undefined)));
}

interface ToolChoice {
  /** (https://ai.google.dev/api/caching#FunctionCallingConfig, read 2026-11-21) */
  readonly mode: "AUTO" | "ANY" | "NONE" | "VALIDATED";
  readonly wanted?: readonly string[];
}

function readChoice(choice: unknown): ToolChoice {
  switch (choice) {
    case "auto":
      return { mode: "AUTO" };
    case "none":
      return { mode: "NONE" };
    case "required":
    case "any":
      return { mode: "ANY" };
  }
  const named = isJsonObject(choice) ? nameOf(choice) : undefined;
  if (named !== undefined) return { mode: "ANY", wanted: [named] };
  const allowed = isJsonObject(choice) ? choice["allowed_tools"] : undefined;
  if (isJsonObject(allowed) && Array.isArray(allowed["tools"])) {
    const wanted = allowed["tools"].flatMap((tool: unknown) => nameOf(tool) ?? []);
    // `AUTO` takes no list of names; `VALIDATED` is the same with one.
    return { mode: allowed["mode"] === "required" ? "ANY" : "VALIDATED", wanted };
  }
  throw fault("tool_choice", "'tool_choice' must be auto, none, required or name a function.");
}

function nameOf(tool: unknown): string | undefined {
  const fn = isJsonObject(tool) ? tool["function"] : undefined;
  return isJsonObject(fn) && typeof fn["name"] === "string" ? fn["name"] : undefined;
}
