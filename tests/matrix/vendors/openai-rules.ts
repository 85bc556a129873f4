import type { JsonObject } from "../../../src/lib/json-text.ts";
import { objectOf, objectsOf, textOf } from "../json.ts";
import { refuseIf, refuseUnknown } from "./vendor.ts";

/** What every server with OpenAI's chat refuses, each with its own names for what it knows. */
export interface ChatRules {
  readonly fields: ReadonlySet<string>;
  readonly messageFields: Readonly<Record<string, ReadonlySet<string>>>;
  readonly toolCallId: RegExp;
}

export function checkChat(body: JsonObject, rules: ChatRules): void {
  refuseUnknown(body, rules.fields, "body");
  const messages = objectsOf(body["messages"]);
  refuseIf(messages.length === 0, "messages: empty");
  for (const [at, message] of messages.entries()) {
    const role = textOf(message["role"]);
    const known = rules.messageFields[role];
    refuseIf(known === undefined, `messages.${at}: no role ${role}`);
    refuseUnknown(message, known ?? new Set(), `messages.${at}`);
    checkContent(message, at);
    checkCalls(message, at, rules.toolCallId);
  }
  checkResults(messages);
  for (const tool of objectsOf(body["tools"])) checkTool(tool);
  const format = objectOf(body["response_format"]);
  if (format["type"] === "json_schema") {
    const schema = objectOf(format["json_schema"]);
    refuseIf(!/^[\w-]{1,64}$/.test(textOf(schema["name"])), "response_format: no name");
    if (schema["strict"] === true) checkStrictSchema(objectOf(schema["schema"]));
  }
  refuseIf(
    "tool_choice" in body && !Array.isArray(body["tools"]),
    "tool_choice is only allowed when tools are given",
  );
  refuseIf(
    "parallel_tool_calls" in body && !Array.isArray(body["tools"]),
    "parallel_tool_calls is only allowed when tools are given",
  );
}

function checkContent(message: JsonObject, at: number): void {
  const { content } = message;
  const hasCalls = objectsOf(message["tool_calls"]).length > 0 || "refusal" in message;
  refuseIf(content == null && !hasCalls, `messages.${at}.content: missing`);
  refuseIf(Array.isArray(content) && content.length === 0, `messages.${at}.content: empty`);
  for (const part of objectsOf(content)) {
    const type = textOf(part["type"]);
    const field = partFields[type];
    refuseIf(field === undefined, `messages.${at}.content: no part of type ${type}`);
    refuseIf(field !== undefined && !(field in part), `messages.${at}.content: no ${field}`);
    refuseUnknown(part, new Set(["type", field ?? "", "document_name"]), `messages.${at}.content`);
    refuseIf(type === "image_url" && message["role"] !== "user", "only users send images");
    const image = objectOf(part["image_url"]);
    refuseUnknown(image, new Set(["url", "detail"]), `messages.${at}.image_url`);
  }
}

const partFields: Readonly<Record<string, string>> = {
  text: "text",
  image_url: "image_url",
  input_audio: "input_audio",
  file: "file",
  refusal: "refusal",
  // Mistral's own.
  thinking: "thinking",
  document_url: "document_url",
};

function checkCalls(message: JsonObject, at: number, id: RegExp): void {
  const calls = message["tool_calls"];
  if (calls === undefined) return;
  refuseIf(!Array.isArray(calls) || calls.length === 0, `messages.${at}.tool_calls: empty`);
  for (const call of objectsOf(calls)) {
    refuseUnknown(call, new Set(["id", "type", "function", "index"]), `messages.${at}.tool_calls`);
    refuseUnknown(objectOf(call["function"]), new Set(["name", "arguments"]), "function");
    refuseIf(!id.test(textOf(call["id"])), `messages.${at}.tool_calls: id ${textOf(call["id"])}`);
    const { name, arguments: json } = objectOf(call["function"]);
    refuseIf(!/^[\w-]{1,64}$/.test(textOf(name)), `messages.${at}.tool_calls: name`);
    refuseIf(typeof json !== "string", `messages.${at}.tool_calls: arguments are no string`);
    refuseIf(!isObjectText(textOf(json)), `messages.${at}.tool_calls: arguments are no object`);
  }
}

function isObjectText(text: string): boolean {
  try {
    return typeof JSON.parse(text) === "object";
  } catch {
    return false;
  }
}

/** Every call is answered right after the message that makes it, and nothing else is. */
function checkResults(messages: readonly JsonObject[]): void {
  let open = new Set<unknown>();
  for (const [at, message] of messages.entries()) {
    if (message["role"] === "tool") {
      const id = message["tool_call_id"];
      refuseIf(!open.delete(id), `messages.${at}: no call ${String(id)} to be answered`);
      continue;
    }
    refuseIf(open.size > 0, `messages.${at}: calls without results: ${[...open].join(", ")}`);
    open = new Set(objectsOf(message["tool_calls"]).map((call) => call["id"]));
  }
  refuseIf(open.size > 0, `calls without results: ${[...open].join(", ")}`);
}

function checkTool(tool: JsonObject): void {
  refuseUnknown(tool, new Set(["type", "function"]), "tools");
  const fn = objectOf(tool["function"]);
  refuseUnknown(fn, new Set(["name", "description", "parameters", "strict"]), "tools.function");
  refuseIf(!/^[\w-]{1,64}$/.test(textOf(fn["name"])), "tools.function.name");
  if (fn["strict"] === true) checkStrictSchema(objectOf(fn["parameters"]));
}

/** (https://platform.openai.com/docs/guides/structured-outputs#supported-schemas, read 2026-11-21) */
function checkStrictSchema(schema: JsonObject): void {
  const properties = objectOf(schema["properties"]);
  if (schema["type"] === "object") {
    refuseIf(schema["additionalProperties"] !== false, "schema: additionalProperties is not false");
    const required = (schema["required"] ?? []) as string[];
    const optional = Object.keys(properties).filter((name) => !required.includes(name));
    refuseIf(optional.length > 0, `schema: not required: ${optional.join(", ")}`);
  }
  for (const property of Object.values(properties)) checkStrictSchema(objectOf(property));
}
