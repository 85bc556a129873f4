import type { Endpoint } from "../../protocol/endpoints.ts";

/**
 * How each vendor's "OpenAI-compatible" API differs from OpenAI's, as data. Shared code reads these fields
 * and names no vendor. The page that each deviation comes from is beside it.
 */
export interface Quirks {
  /** Which of OpenAI's endpoints the vendor has. */
  readonly endpoints: ReadonlySet<Endpoint>;
  readonly keyHeader: "authorization" | "api-key";
  /** `deployments`: the model is part of the path (Azure). */
  readonly paths: "plain" | "deployments";
  /** Outermost fields under another name. */
  readonly renames: Readonly<Record<string, string>>;
  /** Where the vendor refuses what it does not know: all that it does know. */
  readonly knownFields?: Partial<Readonly<Record<Endpoint, ReadonlySet<string>>>>;
  /** The same for one message of a chat, by role; `*` for the roles not named. */
  readonly knownMessageFields?: Readonly<Record<string, ReadonlySet<string>>>;
  /** Whether streams may be asked for their usage by `stream_options`. */
  readonly takesStreamOptions: boolean;
  /** Whether `developer` is a role of its own; otherwise it goes as `system`. */
  readonly hasDeveloperRole: boolean;
  /** Tool call ids must be exactly nine letters or digits. */
  readonly needsShortToolIds: boolean;
  /** Answers are OpenAI's own and go through untouched; others have their tool calls and lists put right. */
  readonly answersAsOpenAi: boolean;
  /** `GET /models` names every model that can be called. */
  readonly listsEveryModel: boolean;
  /** The models that are this vendor's own, by how their names begin. */
  readonly modelPrefixes: readonly string[];
  /** A server that operators run themselves: `traceparent` goes along. */
  readonly isSelfHosted: boolean;
  /** Headers of the client that the vendor has a use for. */
  readonly forwardedHeaders: readonly string[];
}

export type CompatibleType =
  "openai" | "azure-openai" | "mistral" | "ollama" | "vllm" | "openai-compatible";

const allEndpoints: ReadonlySet<Endpoint> = new Set<Endpoint>([
  "chat",
  "completions",
  "embeddings",
  "moderations",
  "responses",
]);

const plain: Quirks = {
  endpoints: allEndpoints,
  keyHeader: "authorization",
  paths: "plain",
  renames: {},
  takesStreamOptions: true,
  hasDeveloperRole: true,
  needsShortToolIds: false,
  answersAsOpenAi: false,
  listsEveryModel: true,
  modelPrefixes: [],
  isSelfHosted: false,
  forwardedHeaders: ["idempotency-key"],
};

const openAi: Quirks = {
  ...plain,
  answersAsOpenAi: true,
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

/** (https://docs.mistral.ai/api/, read 2026-11-21) */
const mistral: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "embeddings", "moderations"]),
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
  knownMessageFields: {
    assistant: new Set(["role", "content", "tool_calls", "prefix"]),
    tool: new Set(["role", "content", "tool_call_id", "name"]),
    "*": new Set(["role", "content"]),
  },
  takesStreamOptions: false,
  hasDeveloperRole: false,
  needsShortToolIds: true,
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

/** (https://docs.ollama.com/api/openai-compatibility, read 2026-11-21) */
const ollama: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  // It ignores the new name, and an ignored limit is no limit.
  renames: { max_completion_tokens: "max_tokens" },
  // A role that a model's template does not know is silently left out.
  hasDeveloperRole: false,
  isSelfHosted: true,
};

/** (https://docs.vllm.ai/en/stable/serving/openai_compatible_server/, read 2026-11-21) */
const vllm: Quirks = {
  ...plain,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  hasDeveloperRole: false,
  isSelfHosted: true,
};

/** (https://learn.microsoft.com/azure/ai-foundry/openai/reference, read 2026-11-21) */
const azureOpenAi: Quirks = {
  ...openAi,
  endpoints: new Set<Endpoint>(["chat", "completions", "embeddings", "responses"]),
  keyHeader: "api-key",
  paths: "deployments",
  // It lists the models that could be deployed, not the deployments.
  listsEveryModel: false,
  modelPrefixes: [],
};

export const quirksOf: Readonly<Record<CompatibleType, Quirks>> = {
  openai: openAi,
  "azure-openai": azureOpenAi,
  mistral,
  ollama,
  vllm,
  "openai-compatible": plain,
};
