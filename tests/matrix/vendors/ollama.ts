import { objectOf, objectsOf } from "../json.ts";
import { checkChat } from "./openai-rules.ts";
import type { ChatRules } from "./openai-rules.ts";
import { readChat, writeEvents, writeWhole } from "./openai-wire.ts";
import type { OpenAiDialect } from "./openai-wire.ts";
import { refuseIf } from "./vendor.ts";
import type { SeenAsk, Vendor, VendorError } from "./vendor.ts";

/**
 * What Ollama does not know it ignores, and what is ignored was asked for in vain: that is what fails here.
 * (https://docs.ollama.com/api/openai-compatibility, read 2026-11-21)
 */
const rules: ChatRules = {
  fields: new Set([
    ...["model", "messages", "frequency_penalty", "presence_penalty", "response_format", "seed"],
    ...["stop", "stream", "stream_options", "temperature", "top_p", "max_tokens", "tools"],
    ...["reasoning_effort", "reasoning", "tool_choice"],
  ]),
  messageFields: {
    // A model's template leaves out the roles that it does not know: `developer` would be lost.
    system: new Set(["role", "content", "name"]),
    user: new Set(["role", "content", "name"]),
    assistant: new Set(["role", "content", "name", "tool_calls", "reasoning", "reasoning_content"]),
    tool: new Set(["role", "content", "name", "tool_call_id"]),
  },
  toolCallId: /./,
};

const dialect: OpenAiDialect = {
  toolCallId: (index) => `call_w4k8rn2${index}`,
  said: ({ thought, text }) => ({
    content: text,
    ...(thought === "" ? {} : { reasoning: thought }),
  }),
  refusalIn: "content",
  streamedUsage: "own-chunk",
  streamsArguments: false,
  usageOf: ({ usage }) => ({
    prompt_tokens: usage.input,
    completion_tokens: usage.output,
    total_tokens: usage.input + usage.output,
  }),
  // Every chunk names the role and has a content.
  deltaExtra: { role: "assistant", content: "" },
  extra: { system_fingerprint: "fp_ollama" },
};

const errorOf = ({ status, message }: VendorError): object => {
  const types: Record<number, string> = { 400: "invalid_request_error", 404: "not_found_error" };
  return { error: { message, type: types[status] ?? "api_error", param: null, code: null } };
};

/** Marks of Anthropic's caching mean nothing to it, and nothing is lost with them. */
const withoutCacheMarks = (ask: SeenAsk): SeenAsk => ({ ...ask, caches: false });

export const ollama: Vendor = {
  name: "ollama",
  basePath: "/v1",
  usualModel: "qwen3.5",
  thinkingModels: [{ model: "gpt-oss:20b", thinks: "with-budget" }],
  showsThoughts: true,
  marksRefusals: false,
  countsCached: false,
  countsWritten: false,
  fetchesImages: false,
  blocked: undefined,
  check: ({ json, path }) => {
    refuseIf(path !== "/v1/chat/completions", `no such path: ${path}`);
    const body = objectOf(json);
    checkChat(body, rules);
    // It always chooses for itself.
    refuseIf((body["tool_choice"] ?? "auto") !== "auto", "tool_choice: ignored");
    for (const message of objectsOf(body["messages"])) {
      for (const part of objectsOf(message["content"])) {
        const image = part["image_url"];
        const url = typeof image === "string" ? image : objectOf(image)["url"];
        const isRemote = image !== undefined && !String(url).startsWith("data:");
        refuseIf(isRemote, "invalid image input");
      }
    }
  },
  read: (request) => withoutCacheMarks(readChat("max_tokens")(request)),
  whole: writeWhole(dialect),
  events: writeEvents(dialect),
  errorBody: errorOf,
  errorEvent: (error) => `data: ${JSON.stringify(errorOf(error))}\n\n`,
};
