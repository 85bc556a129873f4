import { objectOf, objectsOf } from "../json.ts";
import { checkChat } from "./openai-rules.ts";
import type { ChatRules } from "./openai-rules.ts";
import { readChat, writeEvents, writeWhole } from "./openai-wire.ts";
import type { OpenAiDialect } from "./openai-wire.ts";
import { refuseIf } from "./vendor.ts";
import type { Vendor, VendorError } from "./vendor.ts";

/**
 * vLLM takes OpenAI's fields and its own, and ignores what it does not know.
 * (https://docs.vllm.ai/en/stable/serving/openai_compatible_server/, read 2026-11-21)
 */
const rules: ChatRules = {
  fields: new Set([
    ...["model", "messages", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs"],
    ...["max_tokens", "max_completion_tokens", "n", "presence_penalty", "response_format", "seed"],
    ...["stop", "stream", "stream_options", "temperature", "top_p", "tools", "tool_choice"],
    ...["reasoning_effort", "include_reasoning", "parallel_tool_calls", "user", "top_k", "min_p"],
    ...["structured_outputs", "chat_template_kwargs", "cache_salt", "priority", "service_tier"],
  ]),
  messageFields: {
    // Chat templates know these; many raise an error for `developer`.
    system: new Set(["role", "content", "name"]),
    user: new Set(["role", "content", "name"]),
    assistant: new Set([
      ...["role", "content", "name", "refusal", "tool_calls", "reasoning", "reasoning_content"],
    ]),
    tool: new Set(["role", "content", "tool_call_id", "name"]),
  },
  toolCallId: /./,
};

const dialect: OpenAiDialect = {
  toolCallId: (index) => `chatcmpl-tool-8f3b2c1d4e5f6a7b${index}`,
  // It was `reasoning_content` before 0.11. (https://docs.vllm.ai/en/v0.11.2/features/reasoning_outputs/)
  said: ({ thought, text }) => ({
    content: text,
    ...(thought === "" ? {} : { reasoning: thought, content: text === "" ? null : text }),
  }),
  refusalIn: "content",
  streamedUsage: "own-chunk",
  streamsArguments: true,
  // With `--enable-prompt-tokens-details`.
  usageOf: ({ usage }) => ({
    prompt_tokens: usage.input,
    total_tokens: usage.input + usage.output,
    completion_tokens: usage.output,
    prompt_tokens_details: usage.cached === 0 ? null : { cached_tokens: usage.cached },
  }),
  choiceExtra: ({ stoppedAt }) => ({ stop_reason: stoppedAt ?? null, token_ids: null }),
};

const errorOf = ({ status, message }: VendorError): object => {
  const types: Record<number, string> = { 400: "BadRequestError", 404: "NotFoundError" };
  const type = types[status] ?? "InternalServerError";
  return { error: { message, type, param: null, code: status } };
};

export const vllm: Vendor = {
  name: "vllm",
  basePath: "/v1",
  usualModel: "Qwen/Qwen3.5-32B",
  thinkingModels: [{ model: "openai/gpt-oss-120b", thinks: "with-budget" }],
  showsThoughts: true,
  marksRefusals: false,
  countsCached: true,
  countsWritten: false,
  fetchesImages: true,
  blocked: undefined,
  check: ({ json, path }) => {
    refuseIf(path !== "/v1/chat/completions", `no such path: ${path}`);
    const body = objectOf(json);
    checkChat(body, rules);
    const [, ...later] = objectsOf(body["messages"]);
    // What the chat templates of Qwen and others raise.
    const isLate = later.some(({ role }) => role === "system");
    refuseIf(isLate, "System message must be at the beginning.");
  },
  read: readChat("max_completion_tokens", "max_tokens"),
  whole: writeWhole(dialect),
  events: writeEvents(dialect),
  errorBody: errorOf,
  // It ends as if nothing had happened.
  errorEvent: (error) => `data: ${JSON.stringify(errorOf(error))}\n\ndata: [DONE]\n\n`,
};
