import type { CompatibleType } from "../src/providers/openai-compatible/vendor-quirks.ts";

/** What `docs/providers.md` says of a vendor and code does not: its title, and what a user has to know. */
export interface ProviderNotes {
  readonly title: string;
  readonly limits: readonly string[];
}

export const compatibleNotes: Readonly<Record<CompatibleType, ProviderNotes>> = {
  openai: {
    title: "OpenAI",
    limits: [
      "Requests and answers go through byte for byte; only `model` changes where an alias has another, and `stream_options` where usage has to be counted.",
    ],
  },
  "azure-openai": {
    title: "Azure OpenAI",
    limits: [
      "A model is named by its deployment. List them under `models`, or name them by aliases: Azure does not list deployments.",
      "Without `api_version` the v1 API is used (`/openai/v1/…`); with one the dated API (`/openai/deployments/NAME/…`). A `base_url` that ends in `/openai/deployments/NAME` serves whatever model is asked for.",
      "Content filter results stay in the answers (`prompt_filter_results`, `content_filter_results`).",
    ],
  },
  mistral: {
    title: "Mistral",
    limits: ["`prediction`, `prompt_mode`, `safe_prompt` and its other own fields go through."],
  },
  groq: {
    title: "Groq",
    limits: ["`reasoning_format`, `service_tier` and its other own fields go through."],
  },
  together: {
    title: "Together AI",
    limits: ["Model names have slashes; `together/openai/gpt-oss-20b` names one for sure."],
  },
  deepseek: {
    title: "DeepSeek",
    limits: [
      "It thinks by default. Keep `reasoning_content` of assistant messages that call tools and send it back, or DeepSeek cannot think on.",
      "`/v1/responses` is there for the models that DeepSeek has it for.",
    ],
  },
  openrouter: {
    title: "OpenRouter",
    limits: [
      "Model names have slashes: `openrouter/anthropic/claude-sonnet-5` names one for sure; `openrouter/auto` is its own router.",
      "`provider`, `reasoning_details`, `usage.cost` and its other own fields go through, both ways.",
    ],
  },
  xai: {
    title: "xAI",
    limits: ["xAI recommends `/v1/responses`, which is passed on as it is."],
  },
  ollama: {
    title: "Ollama",
    limits: [
      "The context is as long as Ollama was started with, and a longer prompt is cut without a word. `/v1` has no field for it: set `OLLAMA_CONTEXT_LENGTH` where Ollama runs, or `num_ctx` in a Modelfile.",
      "Names work with and without `:latest`.",
      "`reasoning_effort` turns thinking on and off (`none`).",
    ],
  },
  vllm: {
    title: "vLLM",
    limits: [
      "`structured_outputs`, `guided_json`, `top_k`, `chat_template_kwargs` and its other own fields go through.",
      "Tool calls need `--enable-auto-tool-choice` and a parser where vLLM is started, thoughts a `--reasoning-parser`.",
    ],
  },
  "openai-compatible": {
    title: "Any other server that speaks OpenAI's API",
    limits: [
      "A `base_url` at one of the vendors above gets that vendor's treatment.",
      "Nothing is left out of requests: what the server does not take, it says itself.",
    ],
  },
};

/** The vendors with an API of their own, whose adapters are code and not data. */
export interface NativeProvider extends ProviderNotes {
  readonly type: "anthropic" | "google";
  readonly endpoints: readonly string[];
  readonly translated: readonly string[];
  readonly dropped: readonly string[];
  readonly refused: readonly string[];
  readonly answers: readonly string[];
}

export const nativeProviders: readonly NativeProvider[] = [
  {
    type: "anthropic",
    title: "Anthropic",
    endpoints: ["/v1/chat/completions", "/v1/messages", "/v1/messages/count_tokens"],
    translated: [
      "`system` and `developer` messages become `system`; tool results of one turn go in one message.",
      "`max_completion_tokens` or `max_tokens`, otherwise the model's own limit; `stop` becomes `stop_sequences`.",
      "`reasoning_effort` becomes the model's kind of thinking; `thinking` goes through.",
      "`tool_choice` and `parallel_tool_calls`; `response_format` by structured outputs, for older models by a tool that is called for you.",
      "Images (link and data URL), PDFs and texts as `file` parts, `cache_control` on messages, parts and tools.",
      "`temperature` above 1 is 1.",
    ],
    dropped: [
      "`temperature`, `top_p`, `top_k` where the model does not take them, or not together, or not while it thinks",
      "`seed`, `logprobs`, `logit_bias`, the penalties, and OpenAI's other own fields",
      "`reasoning_effort` where the model cannot think, or cannot stop, or the limit of the answer (which covers thoughts) has no room for it",
    ],
    refused: ["`n` above 1", "`functions` (use `tools`)", "audio, both ways"],
    answers: [
      "Thinking is `reasoning_content`; its signed blocks are `thinking_blocks`. Send them back with tool results.",
      "Prompt tokens include what was read from the cache (`cached_tokens`) and written to it (`cache_write_tokens`).",
      "A refusal of the model ends with `content_filter`.",
    ],
    limits: [
      "`/v1/messages` goes to Anthropic as it came, beta headers included.",
      "There are no embeddings.",
    ],
  },
  {
    type: "google",
    title: "Google Gemini",
    endpoints: ["/v1/chat/completions", "/v1/embeddings"],
    translated: [
      "`system` and `developer` messages become the system instruction; tool results find their tool by `tool_call_id`.",
      "`max_completion_tokens`, `stop`, `n`, `seed`, the penalties and `logprobs` (whole answers) by Gemini's names.",
      "JSON schemas, of tools and of `response_format`, are rewritten without what Gemini refuses.",
      "`reasoning_effort` becomes a thinking level or budget, as the model has it.",
      "Images, PDFs, audio and video, as data URLs or links that Google can fetch.",
    ],
    dropped: [
      "`logit_bias`, `user`, `store`, `parallel_tool_calls` and OpenAI's other own fields",
      "`reasoning_effort` that the model has no form for",
    ],
    refused: ["`functions` (use `tools`)", "`logprobs` in streams"],
    answers: [
      "Thought signatures are `tool_calls[].extra_content.google.thought_signature`. Send them back: where a client library drops them, Gemini 3 gets Google's stand-in for them, and its thought is lost.",
      "Completion tokens include thoughts.",
      "A blocked prompt or answer ends with `content_filter`.",
    ],
    limits: [
      "Keys are those of Google AI Studio; Vertex AI is not supported.",
      'Of Vercel\'s AI SDK, `@ai-sdk/openai-compatible` sends signatures back only if the provider is named "google" there.',
    ],
  },
];
