import type { JsonObject } from "../../../src/lib/json-text.ts";
import type { SeenRequest } from "../../support/scripted-upstream.ts";
import { objectOf, objectsOf, textOf } from "../json.ts";
import { refuseIf, refuseUnknown } from "./vendor.ts";

/** (https://platform.claude.com/docs/en/api/messages, read 2026-11-21) */
const fields = new Set([
  ...["model", "messages", "max_tokens", "cache_control", "container", "inference_geo"],
  ...["metadata", "output_config", "service_tier", "speed", "stop_sequences", "stream", "system"],
  ...["temperature", "thinking", "tool_choice", "tools", "top_k", "top_p"],
]);

const versions = ["2023-06-01", "2026-10-21"];

const cached = "cache_control";
const blockFields: Readonly<Record<string, ReadonlySet<string>>> = {
  text: new Set(["type", "text", "citations", cached]),
  image: new Set(["type", "source", cached]),
  document: new Set(["type", "source", "title", "context", "citations", cached]),
  tool_use: new Set(["type", "id", "name", "input", "caller", cached]),
  tool_result: new Set(["type", "tool_use_id", "content", "is_error", cached]),
  thinking: new Set(["type", "thinking", "signature"]),
  redacted_thinking: new Set(["type", "data"]),
};
const rolesOf: Readonly<Record<string, readonly string[]>> = {
  text: ["user", "assistant"],
  image: ["user"],
  document: ["user"],
  tool_use: ["assistant"],
  tool_result: ["user"],
  thinking: ["assistant"],
  redacted_thinking: ["assistant"],
};
const toolFields = new Set([
  ...["name", "description", "input_schema", "strict", "type", "input_examples", cached],
  ...["defer_loading", "eager_input_streaming", "allowed_callers"],
]);

/** `issued` are the thoughts that the upstream has given out, each answer's as one text. */
export function checkMessages(request: SeenRequest, issued: ReadonlySet<string>): void {
  const { headers, json, path } = request;
  refuseIf(path !== "/v1/messages", `no such path: ${path}`);
  refuseIf(headers["x-api-key"] !== "sk-upstream", "x-api-key: missing");
  const version = String(headers["anthropic-version"]);
  refuseIf(!versions.includes(version), `anthropic-version: ${version}`);
  const body = objectOf(json);
  refuseUnknown(body, fields, "Extra inputs are not permitted");
  const { max_tokens: maxTokens } = body;
  refuseIf(!Number.isInteger(maxTokens) || Number(maxTokens) < 1, "max_tokens: Field required");
  checkSystem(body["system"]);
  const messages = objectsOf(body["messages"]);
  refuseIf(messages[0]?.["role"] !== "user", "messages: first message must use the user role");
  for (const [at, message] of messages.entries()) checkMessage(message, at, issued);
  checkOrder(messages);
  for (const tool of objectsOf(body["tools"])) checkTool(tool);
  checkThinking(body, messages);
  checkSampling(body, version);
  for (const stop of (body["stop_sequences"] ?? []) as string[]) {
    refuseIf(stop.trim() === "", "stop_sequences: each stop sequence must contain non-whitespace");
  }
  checkFormat(objectOf(objectOf(body["output_config"])["format"]));
  refuseIf("tool_choice" in body && !("tools" in body), "tool_choice: only with tools");
}

function checkSystem(system: unknown): void {
  if (system === undefined) return;
  refuseIf(system === "", "system: text content blocks must be non-empty");
  refuseIf(typeof system !== "string" && !Array.isArray(system), "system: no string and no list");
  for (const block of objectsOf(system)) checkBlock(block, "user", "system");
}

function checkMessage(message: JsonObject, at: number, issued: ReadonlySet<string>): void {
  refuseUnknown(message, new Set(["role", "content"]), `messages.${at}`);
  const role = textOf(message["role"]);
  refuseIf(role !== "user" && role !== "assistant", `messages.${at}.role: ${role}`);
  const { content } = message;
  refuseIf(content === "" || content == null, `messages.${at}: content must be non-empty`);
  refuseIf(Array.isArray(content) && content.length === 0, `messages.${at}: empty content`);
  for (const block of objectsOf(content)) {
    checkBlock(block, role, `messages.${at}`);
  }
  const thoughts = thoughtsIn(objectsOf(content));
  const isOurs = thoughts === "" || issued.has(thoughts);
  refuseIf(!isOurs, `messages.${at}: \`thinking\` blocks cannot be modified`);
}

/** The blocks of thoughts, unmodified and in their order, as one text. */
export function thoughtsIn(blocks: readonly JsonObject[]): string {
  return blocks
    .filter(({ type }) => type === "thinking" || type === "redacted_thinking")
    .map(({ thinking, signature, data }) => `${textOf(thinking ?? data)} ${textOf(signature)}\n`)
    .join("");
}

function checkBlock(block: JsonObject, role: string, where: string): void {
  const type = textOf(block["type"]);
  refuseUnknown(block, blockFields[type] ?? new Set(), `${where}: ${type}`);
  refuseIf(!rolesOf[type]?.includes(role), `${where}: ${type} in a message of the ${role}`);
  if (type === "text") {
    refuseIf(textOf(block["text"]).trim() === "", `${where}: text blocks must be non-empty`);
  }
  if (type === "tool_use") {
    refuseIf(!/^[\w-]+$/.test(textOf(block["id"])), `${where}: tool_use.id`);
    const { input } = block;
    refuseIf(typeof input !== "object" || input === null, `${where}: tool_use.input is no object`);
  }
  if (type === "tool_result") {
    for (const part of objectsOf(block["content"])) checkBlock(part, "user", `${where}: result`);
  }
  if (type === "image") checkSource(objectOf(block["source"]), where);
}

function checkSource(source: JsonObject, where: string): void {
  if (source["type"] === "url") {
    refuseUnknown(source, new Set(["type", "url"]), where);
    refuseIf(!textOf(source["url"]).startsWith("https://"), `${where}: image URL is not https`);
    return;
  }
  refuseUnknown(source, new Set(["type", "media_type", "data"]), where);
  const isKnown = /^image\/(jpeg|png|gif|webp)$/.test(textOf(source["media_type"]));
  refuseIf(!isKnown, `${where}: media_type`);
  refuseIf(!/^[A-Za-z0-9+/]+=*$/.test(textOf(source["data"])), `${where}: data is no base64`);
}

/** The results of all calls come first in the message right after them. */
function checkOrder(messages: readonly JsonObject[]): void {
  let open: readonly string[] = [];
  for (const [at, message] of messages.entries()) {
    const blocks = objectsOf(message["content"]);
    const results = blocks.filter(({ type }) => type === "tool_result");
    const given = results.map((block) => textOf(block["tool_use_id"]));
    const missing = open.filter((id) => !given.includes(id));
    refuseIf(missing.length > 0, `messages.${at}: tool_use without tool_result: ${missing.join()}`);
    const unasked = given.filter((id) => !open.includes(id));
    refuseIf(unasked.length > 0, `messages.${at}: unexpected tool_use_id: ${unasked.join()}`);
    const isFirst = blocks.slice(0, results.length).every(({ type }) => type === "tool_result");
    refuseIf(!isFirst, `messages.${at}: tool_result blocks must come first`);
    open = blocks.flatMap((block) => (block["type"] === "tool_use" ? [textOf(block["id"])] : []));
    refuseIf(new Set(open).size < open.length, `messages.${at}: tool_use ids must be unique`);
  }
  refuseIf(open.length > 0, "messages: tool_use without tool_result");
}

function checkTool(tool: JsonObject): void {
  refuseUnknown(tool, toolFields, "tools");
  refuseIf(!/^[\w-]{1,128}$/.test(textOf(tool["name"])), "tools.name");
  refuseIf(objectOf(tool["input_schema"])["type"] !== "object", "tools.input_schema.type");
}

const isAdaptiveOnly = (model: string): boolean => /^claude-(opus|sonnet|fable)-5/.test(model);

/** (https://platform.claude.com/docs/en/build-with-claude/thinking, read 2026-11-21) */
function checkThinking(body: JsonObject, messages: readonly JsonObject[]): void {
  const thinking = objectOf(body["thinking"]);
  const { type } = thinking;
  const isAdaptive = isAdaptiveOnly(textOf(body["model"]));
  refuseIf(type === "enabled" && isAdaptive, "thinking.type.enabled: not with this model");
  refuseIf(type === "adaptive" && !isAdaptive, "adaptive thinking: not with this model");
  const hasEffort = objectOf(body["output_config"])["effort"] !== undefined;
  refuseIf(hasEffort && !isAdaptive, "output_config.effort: not with this model");
  if (type === "enabled") checkBudget(body, Number(thinking["budget_tokens"]));
  if (type === "enabled" || type === "adaptive") checkThoughts(body, messages);
}

function checkBudget(body: JsonObject, budget: number): void {
  refuseIf(!(budget >= 1_024), "thinking.budget_tokens: at least 1024");
  refuseIf(budget >= Number(body["max_tokens"]), "max_tokens: more than budget_tokens");
  refuseIf((body["temperature"] ?? 1) !== 1, "temperature: 1 while thinking");
}

/** A turn of calls that goes on with their results begins with the thoughts that led to them. */
function checkThoughts(body: JsonObject, messages: readonly JsonObject[]): void {
  const choice = objectOf(body["tool_choice"])["type"];
  refuseIf(choice === "any" || choice === "tool", "thinking: not with a forced tool");
  if (objectsOf(messages.at(-1)?.["content"])[0]?.["type"] !== "tool_result") return;
  const type = objectsOf(messages.at(-2)?.["content"])[0]?.["type"];
  const isThought = type === "thinking" || type === "redacted_thinking";
  refuseIf(!isThought, "Expected `thinking` or `redacted_thinking`, but found `tool_use`");
}

/** (https://platform.claude.com/docs/en/api/migration-2026-10-21, read 2026-11-21) */
function checkSampling(body: JsonObject, version: string): void {
  const { temperature, top_p: topP, top_k: topK } = body;
  const isGiven = temperature !== undefined || topP !== undefined || topK !== undefined;
  const isRefused = version !== "2023-06-01" || isAdaptiveOnly(textOf(body["model"]));
  refuseIf(isGiven && isRefused, "temperature, top_p, top_k: Extra inputs are not permitted");
  refuseIf(temperature !== undefined && topP !== undefined, "temperature and top_p: only one");
  refuseIf(Number(temperature ?? 0) > 1, "temperature: range 0 to 1");
}

/** (https://platform.claude.com/docs/en/build-with-claude/structured-outputs, read 2026-11-21) */
function checkFormat(format: JsonObject): void {
  if (Object.keys(format).length === 0) return;
  refuseUnknown(format, new Set(["type", "schema"]), "output_config.format");
  checkSchema(objectOf(format["schema"]));
}

function checkSchema(schema: JsonObject): void {
  const refused = ["minimum", "maximum", "multipleOf", "minLength", "maxLength", "maxItems"];
  const found = refused.filter((name) => name in schema);
  refuseIf(found.length > 0, `output_config.format.schema: not supported: ${found.join(", ")}`);
  if (schema["type"] === "object") {
    refuseIf(schema["additionalProperties"] !== false, "additionalProperties must be false");
  }
  for (const property of Object.values(objectOf(schema["properties"]))) {
    checkSchema(objectOf(property));
  }
  if ("items" in schema) checkSchema(objectOf(schema["items"]));
}
