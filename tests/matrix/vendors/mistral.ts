import { objectOf, objectsOf, textOf } from "../json.ts";
import { checkChat } from "./openai-rules.ts";
import type { ChatRules } from "./openai-rules.ts";
import { readChat, writeEvents, writeWhole } from "./openai-wire.ts";
import type { OpenAiDialect } from "./openai-wire.ts";
import { refuseIf } from "./vendor.ts";
import type { Vendor, VendorError } from "./vendor.ts";

/** (https://docs.mistral.ai/api/endpoint/chat, read 2026-11-21) */
const rules: ChatRules = {
  fields: new Set([
    ...["model", "messages", "temperature", "top_p", "max_tokens", "min_tokens", "stream", "stop"],
    ...["random_seed", "metadata", "response_format", "tools", "tool_choice", "presence_penalty"],
    ...["frequency_penalty", "n", "prediction", "parallel_tool_calls", "prompt_mode"],
    ...["reasoning_effort", "safe_prompt", "guardrails", "prompt_cache_key"],
  ]),
  messageFields: {
    system: new Set(["role", "content"]),
    user: new Set(["role", "content"]),
    assistant: new Set(["role", "content", "tool_calls", "prefix"]),
    tool: new Set(["role", "content", "tool_call_id", "name"]),
  },
  toolCallId: /^[A-Za-z0-9]{9}$/,
};

const dialect: OpenAiDialect = {
  toolCallId: (index) => `VvvODy9m${index}`,
  // (https://docs.mistral.ai/studio-api/conversations/reasoning, read 2026-11-21)
  said: ({ thought, text }) => {
    if (thought === "") return { content: text };
    const thinking = { type: "thinking", thinking: [{ type: "text", text: thought }] };
    return { content: text === "" ? [thinking] : [thinking, { type: "text", text }] };
  },
  refusalIn: "content",
  streamedUsage: "last-chunk",
  streamsArguments: false,
  // (https://docs.mistral.ai/studio-api/conversations/advanced/prompt-caching, read 2026-11-21)
  usageOf: ({ usage }) => ({
    prompt_tokens: usage.input,
    total_tokens: usage.input + usage.output,
    completion_tokens: usage.output,
    prompt_tokens_details: { cached_tokens: usage.cached },
  }),
};

/** Its own shape, and FastAPI's for what it does not understand at all. */
const errorOf = ({ status, message }: VendorError): object =>
  status === 400
    ? { object: "error", message, type: "invalid_request_error", param: null, code: "3051" }
    : { object: "error", message, type: `error_${status}`, param: null, code: String(status) };

export const mistral: Vendor = {
  name: "mistral",
  basePath: "/v1",
  usualModel: "mistral-small-latest",
  thinkingModels: [
    { model: "mistral-medium-3-5", thinks: "with-budget" },
    { model: "mistral-large-4", thinks: "as-it-likes" },
  ],
  showsThoughts: true,
  marksRefusals: false,
  countsCached: true,
  countsWritten: false,
  fetchesImages: true,
  blocked: undefined,
  check: ({ json, headers, path }) => {
    refuseIf(path !== "/v1/chat/completions", `no such path: ${path}`);
    refuseIf(headers.authorization !== "Bearer sk-upstream", "no API key");
    const body = objectOf(json);
    checkChat(body, rules);
    // (https://docs.mistral.ai/inference/conversations/reasoning, read 2026-11-21)
    const takesAnyEffort = textOf(body["model"]).startsWith("mistral-large-4");
    const effort = textOf(body["reasoning_effort"] ?? "none");
    const isKnown = takesAnyEffort || effort === "none" || effort === "high";
    refuseIf(!isKnown, `reasoning_effort: 'none' or 'high', not '${effort}'`);
    const messages = objectsOf(body["messages"]);
    const last = textOf(messages.at(-1)?.["role"]);
    refuseIf(last !== "user" && last !== "tool", `the last role is ${last}`);
    for (const tool of objectsOf(body["tools"])) {
      const fn = objectOf(tool["function"]);
      refuseIf(!("parameters" in fn), "tools.function.parameters: missing");
    }
  },
  read: readChat("max_tokens"),
  whole: writeWhole(dialect),
  events: writeEvents(dialect),
  errorBody: errorOf,
  errorEvent: (error) => `data: ${JSON.stringify(errorOf(error))}\n\n`,
};
