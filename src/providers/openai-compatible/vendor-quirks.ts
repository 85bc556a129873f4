import type { Endpoint } from "../../protocol/endpoints.ts";
import { plain } from "./quirks.ts";
import type { Quirks } from "./quirks.ts";

/** Each vendor's deviations, beside the page that they come from. */
export type CompatibleType =
  | "openai"
  | "azure-openai"
  | "mistral"
  | "groq"
  | "together"
  | "deepseek"
  | "openrouter"
  | "xai"
  | "ollama"
  | "vllm"
  | "openai-compatible";

const openAi: Quirks = {
  ...plain,
  answers: { ...plain.answers, areOpenAis: true },
  modelPrefixes: [
    "gpt-",
    "chatgpt-",
    "o1",
    "o3",
    "o4",
    "ft:",
    "codex-",
    "computer-use-",
    "text-embedding-",
    "omni-moderation-",
    "text-moderation-",
    "davinci-",
    "babbage-",
  ],
  forwardedHeaders: ["idempotency-key", "openai-beta"],
};

/** (https://learn.microsoft.com/azure/ai-foundry/openai/reference, read 2026-11-21) */
const azureOpenAi: Quirks = {
  ...openAi,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  keyHeader: "api-key",
  paths: "deployments",
  request: { ...plain.request, streamOptionsSince: "2024-09-01" },
  // It lists the models that could be deployed, not the deployments.
  listsEveryModel: false,
  modelPrefixes: [],
};

/**
 * It refuses every field that it does not know. (https://docs.mistral.ai/api/ and the models of its own
 * Python client, https://github.com/mistralai/client-python, read 2026-11-21)
 */
const mistral: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "embeddings", "moderations"]),
  request: {
    ...plain.request,
    renames: {
      seed: "random_seed",
      max_completion_tokens: "max_tokens",
      dimensions: "output_dimension",
    },
    knownFields: {
      chat: new Set([
        "model",
        "messages",
        "temperature",
        "top_p",
        "max_tokens",
        "stream",
        "stop",
        "random_seed",
        "metadata",
        "response_format",
        "tools",
        "tool_choice",
        "presence_penalty",
        "frequency_penalty",
        "n",
        "prediction",
        "parallel_tool_calls",
        "prompt_mode",
        "prompt_cache_key",
        "reasoning_effort",
        "safe_prompt",
        "guardrails",
      ]),
      embeddings: new Set([
        "model",
        "input",
        "metadata",
        "output_dimension",
        "output_dtype",
        "encoding_format",
      ]),
      moderations: new Set(["model", "input", "metadata"]),
    },
    refusedFields: ["functions"],
    answersInTextOnly: true,
    // "high" and "none" are all that it lists but for Large 4.
    // (https://docs.mistral.ai/capabilities/reasoning/adjustable, read 2026-11-21)
    efforts: {
      models: /^(?!mistral-large-4)/,
      words: { minimal: "none", low: "high", medium: "high", xhigh: "high", max: "high" },
    },
    effortModels:
      /^mistral-(?:(?:small|medium|large)-(?:latest|2[6-9]\d\d)|small-4|medium-3[.-]5|large-4)/,
    takesTopK: false,
    // It sends the usage all the same, in the last chunk.
    takesStreamOptions: false,
    // `required` came later, and not to all of its models.
    toolChoice: "any",
  },
  messages: {
    hasDeveloperRole: false,
    needsShortToolIds: true,
    needsJsonArguments: true,
    knownFields: {
      assistant: new Set(["role", "content", "tool_calls", "prefix"]),
      tool: new Set(["role", "content", "tool_call_id", "name"]),
      "*": new Set(["role", "content"]),
    },
    knownToolCallFields: new Set(["id", "type", "function", "index"]),
    prefillField: "prefix",
    thoughtFields: [],
    takesCacheControl: false,
    usesCacheControl: false,
    images: "linked",
    files: "document-url",
    audio: "base64",
  },
  answers: { ...plain.answers, finishReasons: { model_length: "length" } },
  modelPrefixes: [
    "mistral-",
    "ministral-",
    "magistral-",
    "codestral-",
    "devstral-",
    "pixtral-",
    "open-mistral-",
    "open-mixtral-",
    "voxtral-",
  ],
};

/**
 * "Will result in a 400 error (yikes) if they are supplied": so does any field of a message that it does not
 * know. (https://console.groq.com/docs/openai and its own Python client, https://github.com/groq/groq-python,
 * read 2026-11-21)
 */
const groq: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "responses"]),
  request: {
    ...plain.request,
    droppedFields: ["logprobs", "top_logprobs", "logit_bias"],
    // (https://console.groq.com/docs/reasoning, read 2026-11-21)
    effortModels: /gpt-oss|qwen/,
    answersOnce: true,
  },
  messages: {
    ...plain.messages,
    hasDeveloperRole: false,
    knownFields: {
      assistant: new Set(["role", "content", "tool_calls", "function_call", "reasoning"]),
      tool: new Set(["role", "content", "tool_call_id"]),
      function: new Set(["role", "content", "name"]),
      "*": new Set(["role", "content"]),
    },
    knownToolCallFields: new Set(["id", "type", "function"]),
    thoughtFields: ["reasoning"],
    takesCacheControl: false,
  },
  answers: { ...plain.answers, extrasIn: "x_groq" },
};

/**
 * Its `logprobs` is a number, and what it answers to it has a shape of its own.
 * (https://docs.together.ai/reference/chat-completions-1, read 2026-11-21)
 */
const together: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings"]),
  request: {
    ...plain.request,
    renames: { max_completion_tokens: "max_tokens" },
    takesTopK: true,
    droppedFields: ["logprobs", "top_logprobs"],
  },
  messages: { ...plain.messages, hasDeveloperRole: false },
  answers: {
    ...plain.answers,
    finishReasons: { eos: "stop" },
    cachedTokensField: "cached_tokens",
  },
};

/**
 * A tool call's thoughts must come back with it, in all later requests, or thinking must be off; others are
 * ignored. (https://api-docs.deepseek.com/guides/thinking_mode,
 * https://api-docs.deepseek.com/api/create-chat-completion, read 2026-11-21)
 */
const deepSeek: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "responses"]),
  request: {
    ...plain.request,
    renames: { max_completion_tokens: "max_tokens" },
    answersOnce: true,
    jsonSchema: "as-object",
  },
  messages: {
    ...plain.messages,
    hasDeveloperRole: false,
    thoughtFields: ["reasoning_content"],
    withoutThoughts: { thinking: { type: "disabled" } },
  },
  answers: {
    ...plain.answers,
    failedReasons: [...plain.answers.failedReasons, "insufficient_system_resource"],
    cachedTokensField: "prompt_cache_hit_tokens",
  },
  modelPrefixes: ["deepseek-"],
};

/**
 * Errors come inside streams with a good status; thoughts as `reasoning` and `reasoning_details`.
 * (https://openrouter.ai/docs/api/reference/streaming, https://openrouter.ai/docs/app-attribution,
 * https://openrouter.ai/docs/use-cases/usage-accounting, read 2026-11-21)
 */
const openRouter: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  request: { ...plain.request, takesTopK: true },
  messages: { ...plain.messages, thoughtFields: ["reasoning"], usesCacheControl: true },
  bareModelNamespace: "openrouter",
  forwardedHeaders: [
    ...plain.forwardedHeaders,
    "http-referer",
    "x-title",
    "x-openrouter-title",
    "x-openrouter-categories",
  ],
};

/**
 * Its models that reason answer 400 to these fields. Which those are is in their names: all since Grok 4, and
 * `grok-3-mini`, but for those that say "non-reasoning". Reasoning tokens are counted beside the completion's.
 * (https://docs.x.ai/docs/guides/reasoning, read 2026-11-21)
 */
const xAi: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "responses"]),
  request: {
    ...plain.request,
    droppedByModel: {
      models: /^grok-(?![12]\b|3(?!-mini)\b)(?!.*non-reasoning)/,
      fields: ["stop", "presence_penalty", "frequency_penalty"],
    },
  },
  messages: { ...plain.messages, hasDeveloperRole: false, thoughtFields: ["reasoning_content"] },
  answers: { ...plain.answers, reasoningIsApart: true },
  modelPrefixes: ["grok-"],
};

/**
 * What it does not know it ignores. (https://docs.ollama.com/api/openai-compatibility and
 * https://github.com/ollama/ollama/blob/main/openai/openai.go, read 2026-11-21)
 */
const ollama: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  request: {
    ...plain.request,
    // It ignores the new name, and an ignored limit is no limit.
    renames: { max_completion_tokens: "max_tokens" },
    droppedFields: [
      "logit_bias",
      "parallel_tool_calls",
      "prediction",
      "service_tier",
      "store",
      "verbosity",
      "web_search_options",
    ],
    refusedFields: ["functions"],
    // "does not support thinking", it says of the others, with a 400; these are of its library's page.
    // (https://ollama.com/search?c=thinking, read 2026-11-21)
    effortModels:
      /^(?:.*\/)?(?:qwen3|qwq|deepseek-(?:r1|v3\.|v[4-9])|gpt-oss|magistral|glm-|kimi-k2|minimax-|nemotron|gemma[4-9]|ministral-3)/,
    answersInTextOnly: true,
    answersOnce: true,
    toolChoice: "ignored",
  },
  messages: {
    ...plain.messages,
    // A role that a model's template does not know is silently left out.
    hasDeveloperRole: false,
    needsJsonArguments: true,
    thoughtFields: ["reasoning"],
    images: "inlined",
  },
};

/**
 * Its field for thoughts was `reasoning_content` until 0.11, and is `reasoning` since.
 * (https://docs.vllm.ai/en/stable/serving/openai_compatible_server/,
 * https://docs.vllm.ai/en/stable/features/reasoning_outputs/, read 2026-11-21)
 */
const vllm: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  request: { ...plain.request, refusedFields: ["functions"], takesTopK: true },
  messages: {
    ...plain.messages,
    hasDeveloperRole: false,
    needsJsonArguments: true,
    thoughtFields: ["reasoning", "reasoning_content"],
  },
};

export const quirksOf: Readonly<Record<CompatibleType, Quirks>> = {
  openai: openAi,
  "azure-openai": azureOpenAi,
  mistral,
  groq,
  together,
  deepseek: deepSeek,
  openrouter: openRouter,
  xai: xAi,
  ollama,
  vllm,
  "openai-compatible": plain,
};

/** Where the vendors' own servers are. */
const typeByHost: Readonly<Record<string, CompatibleType>> = {
  "api.openai.com": "openai",
  "api.mistral.ai": "mistral",
  "api.groq.com": "groq",
  "api.together.xyz": "together",
  "api.together.ai": "together",
  "api.deepseek.com": "deepseek",
  "openrouter.ai": "openrouter",
  "api.x.ai": "xai",
};

/** A provider's quirks. One that is only called "openai-compatible" has those of the vendor whose host it is. */
export function quirksFor(provider: {
  readonly type: CompatibleType;
  readonly baseUrl: string;
}): Quirks {
  if (provider.type !== "openai-compatible") return quirksOf[provider.type];
  return quirksOf[typeByHost[new URL(provider.baseUrl).hostname] ?? "openai-compatible"];
}
