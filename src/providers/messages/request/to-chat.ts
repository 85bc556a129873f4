import { hash } from "node:crypto";

import { isJsonObject } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";
import { outputTokensMaxOf } from "./output-limit.ts";
import { effortOf } from "./reasoning-effort.ts";
import { fitsStrictMode } from "./strict-schema.ts";
import { toChatMessages } from "./to-chat-messages.ts";
import { refuseContinuedThread } from "./thread.ts";
import { toChatTools } from "./tools.ts";
import { anthropicOnly, fault } from "./translation.ts";
import type { Translation } from "./translation.ts";

/**
 * Anthropic's request as OpenAI's chat. What OpenAI has no word for is left out and reported; what would make
 * the answer a wrong one is the caller's 400.
 * (https://docs.claude.com/en/api/messages, https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-21)
 */
export function toChat(request: JsonObject, translation: Translation): JsonObject {
  const { dropped, model } = translation;
  refuseContinuedThread(request);
  const { mcp_servers: servers } = request;
  if (Array.isArray(servers) && servers.length > 0) {
    throw anthropicOnly("mcp_servers", "a list of MCP servers to be called by the API");
  }
  for (const [name, value] of Object.entries(request)) {
    if (value !== null && !translated.has(name)) dropped.add(name);
  }
  const effort = effortOf(request, translation);
  return {
    model,
    messages: toChatMessages(request, translation),
    ...maxTokensOf(request, translation),
    ...samplingOf(request, translation),
    ...toChatTools(request, translation),
    ...(effort !== undefined && { reasoning_effort: effort }),
    ...responseFormatOf(request),
    ...userOf(request, translation),
    // Where it is "auto", that is OpenAI's default as well, and other servers do not know the field.
    ...(request["service_tier"] === "standard_only" && { service_tier: "default" }),
  };
}

/** Fields that have a place in a chat, or that mean nothing there. */
const translated = new Set([
  "model",
  "messages",
  "system",
  "max_tokens",
  "stream",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "tools",
  "tool_choice",
  "thinking",
  "output_config",
  "output_format",
  "metadata",
  "service_tier",
]);

function maxTokensOf(
  { max_tokens: maxTokens }: JsonObject,
  { model, dropped, traits }: Translation,
): JsonObject {
  if (typeof maxTokens !== "number") return {}; // Tokens are only to be counted.
  if (maxTokens === 0) {
    throw fault("max_tokens", "must be at least 1: only Anthropic's own API fills a cache with 0.");
  }
  const tokens = Math.min(maxTokens, outputTokensMaxOf(model));
  if (tokens < maxTokens) dropped.add("max_tokens");
  return { [traits.maxTokensField]: tokens };
}

function samplingOf(request: JsonObject, { traits, dropped }: Translation): JsonObject {
  const { temperature, top_p: topP, top_k: topK, stop_sequences: stop } = request;
  if (topK != null && !traits.takesTopK) dropped.add("top_k");
  return {
    ...(temperature != null && { temperature }),
    ...(topP != null && { top_p: topP }),
    ...(topK != null && traits.takesTopK && { top_k: topK }),
    ...(Array.isArray(stop) && stop.length > 0 && { stop }),
  };
}

function responseFormatOf(request: JsonObject): JsonObject {
  const output = request["output_config"];
  const format = (isJsonObject(output) ? output["format"] : undefined) ?? request["output_format"];
  if (!isJsonObject(format)) return {};
  const place = format === request["output_format"] ? "output_format" : "output_config.format";
  if (format["type"] !== "json_schema") throw fault(`${place}.type`, "must be json_schema.");
  const { schema } = format;
  if (!isJsonObject(schema)) throw fault(`${place}.schema`, "must be a JSON schema.");
  const described = { name: "answer", schema, strict: fitsStrictMode(schema) };
  return { response_format: { type: "json_schema", json_schema: described } };
}

/**
 * OpenAI refuses more than 64 characters, and what coding agents send is longer. A digest is as good for
 * telling users apart. (https://github.com/maximhq/bifrost/pull/1000, read 2026-11-21)
 */
const userLengthMax = 64;

function userOf({ metadata }: JsonObject, { dropped }: Translation): JsonObject {
  if (!isJsonObject(metadata)) return {};
  for (const name of Object.keys(metadata)) if (name !== "user_id") dropped.add(`metadata.${name}`);
  const id = metadata["user_id"];
  if (typeof id !== "string" || id === "") return {};
  return { user: id.length <= userLengthMax ? id : hash("sha256", id, "hex") };
}
