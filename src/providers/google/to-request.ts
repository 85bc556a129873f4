import type { JsonObject } from "../../lib/json-text.ts";
import type { ProviderCall } from "../provider.ts";
import { conversationOf } from "./request/contents.ts";
import { generationConfigOf } from "./request/generation-config.ts";
import { traitsOf } from "./model-generation.ts";
import { isNativeField, nativeFields } from "./request/native-fields.ts";
import { fault } from "./request/request-fault.ts";
import { ToolNames } from "./tool-names.ts";
import { toolConfigOf, toolsOf } from "./request/tools.ts";

export interface WrittenRequest {
  /** A `GenerateContentRequest`. */
  readonly body: JsonObject;
  /** Fields that Gemini cannot take and that were left out. */
  readonly droppedParams: readonly string[];
  /** For the answer, which has the tools' names as Gemini knows them. */
  readonly names: ToolNames;
}

/** A chat request of OpenAI's format as Gemini's. Throws `invalid_value` for what Gemini has no form for. */
export function writeRequest(call: Pick<ProviderCall, "request" | "model">): WrittenRequest {
  const request = call.request.value;
  refuseOldFunctions(request);
  const names = new ToolNames();
  const native = nativeFields(request);
  const { messages } = request;
  const conversation = conversationOf(Array.isArray(messages) ? messages : [], {
    traits: traitsOf(call.model),
    names,
  });
  const tools = [...toolsOf(request, names), ...native.tools];
  const toolConfig = toolConfigOf(request, tools, names);
  const { config, used } = generationConfigOf(request, call.model, native);
  return {
    body: {
      ...conversation,
      ...(tools.length === 0 ? {} : { tools }),
      ...(toolConfig === undefined ? {} : { toolConfig }),
      ...(Object.keys(config).length === 0 ? {} : { generationConfig: config }),
      ...native.outermost,
    },
    droppedParams: droppedOf(request, new Set(used)),
    names,
  };
}

/** What OpenAI had before tools; its answers have another form, which nobody asks for any more. */
function refuseOldFunctions(request: JsonObject): void {
  for (const name of ["functions", "function_call"]) {
    if (request[name] == null) continue;
    throw fault(name, `'${name}' is not there for this model: use 'tools' and 'tool_choice'.`);
  }
}

const alwaysUsed = new Set([
  "model",
  "messages",
  "stream",
  "stream_options",
  "tools",
  "tool_choice",
  "web_search_options",
]);

function droppedOf(request: JsonObject, used: ReadonlySet<string>): string[] {
  return Object.keys(request).filter((name) => {
    if (request[name] == null || alwaysUsed.has(name) || used.has(name)) return false;
    // Gemini may call several tools at once whatever it is told.
    return name === "parallel_tool_calls" ? request[name] === false : !isNativeField(name);
  });
}
