import { objectOf, textOf } from "../json.ts";
import { checkChat } from "./openai-rules.ts";
import type { ChatRules } from "./openai-rules.ts";
import { readChat, writeEvents, writeWhole } from "./openai-wire.ts";
import type { OpenAiDialect } from "./openai-wire.ts";
import { refuseIf } from "./vendor.ts";
import type { Answer, Vendor, VendorError } from "./vendor.ts";

/** (https://platform.openai.com/docs/api-reference/chat/create, read 2026-11-21) */
const rules: ChatRules = {
  fields: new Set([
    ...["model", "messages", "audio", "frequency_penalty", "function_call", "functions"],
    ...["logit_bias", "logprobs", "max_completion_tokens", "max_tokens", "metadata", "modalities"],
    ...["moderation", "n", "parallel_tool_calls", "prediction", "presence_penalty"],
    ...["prompt_cache_key", "prompt_cache_options", "prompt_cache_retention", "reasoning_effort"],
    ...["response_format", "safety_identifier", "seed", "service_tier", "stop", "store", "stream"],
    ...["stream_options", "temperature", "tool_choice", "tools", "top_logprobs", "top_p", "user"],
    ...["verbosity", "web_search_options"],
  ]),
  messageFields: {
    system: new Set(["role", "content", "name"]),
    developer: new Set(["role", "content", "name"]),
    user: new Set(["role", "content", "name"]),
    assistant: new Set([
      ...["role", "content", "name", "refusal", "audio", "tool_calls", "function_call"],
      // It takes its own answers back as they were.
      "annotations",
    ]),
    tool: new Set(["role", "content", "tool_call_id"]),
  },
  toolCallId: /^.{1,64}$/,
};

export const openAiUsage = ({ usage }: Answer): object => ({
  prompt_tokens: usage.input,
  completion_tokens: usage.output,
  total_tokens: usage.input + usage.output,
  prompt_tokens_details: {
    cached_tokens: usage.cached,
    audio_tokens: 0,
    ...(usage.written === 0 ? {} : { cache_write_tokens: usage.written }),
  },
  completion_tokens_details: {
    reasoning_tokens: usage.thoughts,
    audio_tokens: 0,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
});

const dialect: OpenAiDialect = {
  toolCallId: (index) => `call_9pLx2mAbCdEfGhIjKlMnOp${index}`,
  said: ({ text }) => (text === "" ? {} : { content: text }),
  refusalIn: "refusal",
  streamedUsage: "own-chunk",
  streamsArguments: true,
  usageOf: openAiUsage,
  extra: { service_tier: "default", system_fingerprint: "fp_44709d6fcb" },
};

const isThinkingModel = (model: string): boolean => /^(o\d|gpt-[5-9])/.test(model);

const errorOf = ({ status, message }: VendorError): object => {
  const [type, code] = errorNames[status] ?? ["server_error", null];
  return { error: { message, type, param: null, code } };
};

const errorNames: Readonly<Record<number, readonly [string, string | null]>> = {
  400: ["invalid_request_error", "invalid_value"],
  401: ["invalid_request_error", "invalid_api_key"],
  404: ["invalid_request_error", "model_not_found"],
  429: ["requests", "rate_limit_exceeded"],
  503: ["service_unavailable_error", "overloaded"],
};

export const openAi: Vendor = {
  name: "openai",
  basePath: "/v1",
  usualModel: "gpt-4.1-mini",
  thinkingModels: [
    { model: "gpt-5.1", thinks: "with-budget" },
    { model: "o4-mini", thinks: "with-budget" },
  ],
  showsThoughts: false,
  marksRefusals: true,
  countsCached: true,
  countsWritten: true,
  fetchesImages: true,
  blocked: undefined,
  check: ({ json, headers, path }) => {
    refuseIf(path !== "/v1/chat/completions", `no such path: ${path}`);
    refuseIf(headers.authorization !== "Bearer sk-upstream", "no API key");
    const body = objectOf(json);
    checkChat(body, rules);
    if (!isThinkingModel(textOf(body["model"]))) {
      refuseIf("reasoning_effort" in body, "reasoning_effort: not with this model");
      return;
    }
    // (https://platform.openai.com/docs/guides/reasoning, read 2026-11-21)
    refuseIf("max_tokens" in body, "max_tokens: use max_completion_tokens with this model");
    refuseIf("stop" in body, "stop: not with this model");
    refuseIf((body["temperature"] ?? 1) !== 1, "temperature: only 1 with this model");
  },
  read: readChat("max_completion_tokens", "max_tokens"),
  whole: writeWhole(dialect),
  events: writeEvents(dialect),
  errorBody: errorOf,
  errorEvent: (error) => `data: ${JSON.stringify(errorOf(error))}\n\n`,
};
