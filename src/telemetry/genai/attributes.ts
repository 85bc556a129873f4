/**
 * Every name that spans and metrics use, in one place: those of the GenAI conventions are in development and change.
 * (https://github.com/open-telemetry/semantic-conventions-genai, docs/gen-ai/gen-ai-spans.md and gen-ai-metrics.md;
 * https://github.com/open-telemetry/semantic-conventions, docs/http/http-spans.md; read 2026-11-21)
 */
export const genAi = {
  operationName: "gen_ai.operation.name",
  providerName: "gen_ai.provider.name",
  outputType: "gen_ai.output.type",
  requestModel: "gen_ai.request.model",
  requestStream: "gen_ai.request.stream",
  requestChoiceCount: "gen_ai.request.choice.count",
  requestSeed: "gen_ai.request.seed",
  requestTopK: "gen_ai.request.top_k",
  requestTopP: "gen_ai.request.top_p",
  requestTemperature: "gen_ai.request.temperature",
  requestMaxTokens: "gen_ai.request.max_tokens",
  requestFrequencyPenalty: "gen_ai.request.frequency_penalty",
  requestPresencePenalty: "gen_ai.request.presence_penalty",
  requestEncodingFormats: "gen_ai.request.encoding_formats",
  responseId: "gen_ai.response.id",
  responseModel: "gen_ai.response.model",
  responseFinishReasons: "gen_ai.response.finish_reasons",
  responseTimeToFirstChunk: "gen_ai.response.time_to_first_chunk",
  usageInputTokens: "gen_ai.usage.input_tokens",
  usageOutputTokens: "gen_ai.usage.output_tokens",
  usageCacheReadTokens: "gen_ai.usage.cache_read.input_tokens",
  usageCacheCreationTokens: "gen_ai.usage.cache_creation.input_tokens",
  usageReasoningTokens: "gen_ai.usage.reasoning.output_tokens",
  tokenType: "gen_ai.token.type",
  evaluationName: "gen_ai.evaluation.name",
  evaluationScore: "gen_ai.evaluation.score.value",
  evaluationLabel: "gen_ai.evaluation.score.label",
  /** An event; docs/gen-ai/gen-ai-events.md. */
  evaluationResult: "gen_ai.evaluation.result",
} as const;

/** Of the general conventions. */
export const general = {
  errorType: "error.type",
  serverAddress: "server.address",
  serverPort: "server.port",
  httpMethod: "http.request.method",
  httpRoute: "http.route",
  httpStatus: "http.response.status_code",
  urlPath: "url.path",
  urlScheme: "url.scheme",
} as const;

/** Sentinel's own. */
export const sentinel = {
  requestId: "sentinel.request.id",
  tenantId: "sentinel.tenant.id",
  keyId: "sentinel.key.id",
  model: "sentinel.model",
  stream: "sentinel.stream",
  outcome: "sentinel.outcome",
  attempts: "sentinel.attempts",
  overheadMs: "sentinel.overhead_ms",
  cacheOutcome: "sentinel.cache.outcome",
  cacheSimilarity: "sentinel.cache.similarity",
  cacheFrom: "sentinel.cache.from",
  costUsd: "sentinel.cost_usd",
  costStatus: "sentinel.cost.status",
  provider: "sentinel.provider",
  providerKey: "sentinel.provider.key",
  attempt: "sentinel.attempt",
  usageSource: "sentinel.usage.source",
  judgeModel: "sentinel.judge.model",
  judgeVersion: "sentinel.judge.version",
  judgeMethod: "sentinel.judge.method",
} as const;

/** `gen_ai.operation.name`: the well-known ones, and words of ours for what they have none for. */
export const operations = {
  chat: "chat",
  messages: "chat",
  responses: "chat",
  completions: "text_completion",
  embeddings: "embeddings",
  moderations: "moderation",
  count_tokens: "count_tokens",
} as const;

/** The metrics' names, units and the buckets that the conventions ask for. */
const seconds = [
  0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92,
];
export const genAiMetrics = {
  tokenUsage: {
    name: "gen_ai.client.token.usage",
    unit: "{token}",
    description: "Number of input and output tokens used.",
    buckets: [
      1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304, 16_777_216,
      67_108_864,
    ],
  },
  operationDuration: {
    name: "gen_ai.client.operation.duration",
    unit: "s",
    description: "GenAI operation duration.",
    buckets: seconds,
  },
  requestDuration: {
    name: "gen_ai.server.request.duration",
    unit: "s",
    description:
      "Generative AI server request duration such as time-to-last byte or last output token.",
    buckets: seconds,
  },
  timeToFirstToken: {
    name: "gen_ai.server.time_to_first_token",
    unit: "s",
    description: "Time to generate first token for successful responses.",
    buckets: [0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10],
  },
  timePerOutputToken: {
    name: "gen_ai.server.time_per_output_token",
    unit: "s",
    description: "Time per output token generated after the first token for successful responses.",
    buckets: [0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5],
  },
} as const;
