import { isJsonObject, objectsOf } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { ProviderCall } from "../provider.ts";
import { traitsOf } from "./model-traits.ts";
import { toDialogue } from "./request/dialogue.ts";
import { toFormat } from "./request/output-format.ts";
import type { AnswerFormat } from "./request/output-format.ts";
import { toLimits, toSampling } from "./request/limits.ts";
import { toThinking } from "./request/thinking.ts";
import { toToolPlan } from "./request/tools.ts";
import { invalid } from "./wire.ts";
import type { Block, Dropped } from "./wire.ts";

export interface WrittenChat {
  readonly body: string;
  /** Fields that Claude cannot take and that were left out. */
  readonly droppedParams: readonly string[];
  /** The tool whose input is the answer; undefined where text is. */
  readonly answerTool: string | undefined;
}

/** A chat in the words of Anthropic's Messages API. Throws `invalid_value` for what cannot be said in them. */
export function writeChat(call: ProviderCall): WrittenChat {
  const request = call.request.value;
  refuse(request);
  const model = traitsOf(call.model);
  const dropped: Dropped = new Set();
  const { system, turns } = toDialogue(request, model.thinking !== "none");
  const format = toFormat(request, model);
  const { tools, choice, isForced } = toToolPlan(request, model, { format, turns }, dropped);
  const plan = toThinking(request, model, { isForced, turns }, dropped);
  const limits = toLimits(request, model, plan, dropped);
  const sampling = toSampling(request, model, plan, dropped);
  const body = {
    ...nativeFields(request),
    ...limits,
    ...sampling,
    ...callerFields(request, dropped),
    ...(system.length === 0 && format.kind !== "instruction"
      ? {}
      : { system: toSystem(system, format) }),
    ...(tools.length === 0 ? {} : { tools }),
    ...(choice === undefined ? {} : { tool_choice: choice }),
    ...(plan.thinking === undefined ? {} : { thinking: plan.thinking }),
    ...outputConfig(request, plan.effort, format),
    model: call.model,
    messages: turns,
    ...(call.isStream ? { stream: true } : {}),
  };
  noteDropped(request, dropped);
  return {
    body: JSON.stringify(body),
    droppedParams: [...dropped],
    answerTool: format.kind === "tool" ? String(format.tool["name"]) : undefined,
  };
}

/** What would change the answer's form if it were left out. */
function refuse(request: JsonObject): void {
  if (typeof request["n"] === "number" && request["n"] > 1) {
    throw invalid("n", "must be 1: Claude gives one answer to a request.");
  }
  if (objectsOf(request["functions"]).length > 0) {
    throw invalid("functions", "is not supported here: use 'tools'.");
  }
  const { modalities } = request;
  if (Array.isArray(modalities) && modalities.some((modality) => modality !== "text")) {
    throw invalid("modalities", "must be text: Claude gives no other answers.");
  }
}

/** Plain text, unless a part of it is marked for the prompt cache. */
function toSystem(system: readonly Block[], format: AnswerFormat): unknown {
  const said: readonly Block[] =
    format.kind === "instruction" ? [...system, { type: "text", text: format.text }] : system;
  if (said.some((block) => block["cache_control"] !== undefined)) return said;
  return said.map((block) => block["text"]).join("\n");
}

/** Anthropic's own fields, which go on as they are. */
const native = [
  "cache_control",
  "container",
  "context_management",
  "diagnostics",
  "fallbacks",
  "inference_geo",
  "mcp_servers",
  "speed",
  "user_profile_id",
] as const;

function nativeFields(request: JsonObject): JsonObject {
  return Object.fromEntries(
    native.flatMap((name) => (request[name] == null ? [] : [[name, request[name]]])),
  );
}

function outputConfig(
  request: JsonObject,
  effort: string | undefined,
  format: AnswerFormat,
): JsonObject {
  const config: JsonObject = {
    ...(effort === undefined ? {} : { effort }),
    ...(format.kind === "schema" ? { format: format.format } : {}),
    ...(isJsonObject(request["output_config"]) ? request["output_config"] : {}),
  };
  return Object.keys(config).length === 0 ? {} : { output_config: config };
}

/** Who asks, and how urgently. */
function callerFields(request: JsonObject, dropped: Dropped): JsonObject {
  const { metadata, service_tier: tier } = request;
  const given = isJsonObject(metadata) ? metadata : {};
  if (Object.keys(given).some((name) => name !== "user_id")) dropped.add("metadata");
  const source = ["user", "safety_identifier"].find((name) => request[name] != null);
  const user = given["user_id"] ?? (source === undefined ? undefined : request[source]);
  const isTaken = isUserId(user);
  if (user !== undefined && !isTaken) dropped.add(source ?? "metadata");
  const serviceTier = serviceTiers.get(tier);
  if (tier != null && serviceTier === undefined) dropped.add("service_tier");
  return {
    ...(isTaken ? { metadata: { user_id: user } } : {}),
    ...(serviceTier === undefined ? {} : { service_tier: serviceTier }),
  };
}

const userIdLengthMax = 256;
/** Anthropic refuses what looks like the address or the telephone number of a person. */
const personal = /^[^\s@]+@[^\s@]+\.[^\s@]+$|^\+?[\d\s().-]{7,20}$/;

function isUserId(user: unknown): boolean {
  if (typeof user !== "string" || user === "") return false;
  return user.length <= userIdLengthMax && !personal.test(user);
}

/** (https://platform.claude.com/docs/en/api/service-tiers, read 2026-11-21) */
const serviceTiers = new Map<unknown, string>([
  ["auto", "auto"],
  ["default", "standard_only"],
  ["standard_only", "standard_only"],
]);

/** What is translated above, or asks for nothing. Whatever else a client sends has no counterpart. */
const understood = new Set<string>([
  ...native,
  "model",
  "messages",
  "stream",
  "stream_options",
  "n",
  "functions",
  "modalities",
  "max_tokens",
  "max_completion_tokens",
  "stop",
  "stop_sequences",
  "temperature",
  "top_p",
  "top_k",
  "tools",
  "tool_choice",
  "parallel_tool_calls",
  "response_format",
  "reasoning_effort",
  "thinking",
  "output_config",
  "metadata",
  "user",
  "safety_identifier",
  "service_tier",
]);

function noteDropped(request: JsonObject, dropped: Dropped): void {
  for (const [name, value] of Object.entries(request)) {
    if (value != null && !understood.has(name)) dropped.add(name);
  }
}
