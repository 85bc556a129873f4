import type { ProviderCall } from "../provider.ts";

export interface TokenCounts {
  readonly inputTokens: number;
  readonly outputTokens: number;
}

/** A rule of thumb for English and code; what matters here is only what input weighs against output. */
const bytesPerToken = 4;
/** What is reckoned with where the request sets no limit. */
export const outputTokensIfNotLimited = 1_000;

/** What a request may come to, before anybody has counted: its size, and the most that it lets the model write. */
export function expectedTokens(
  call: Pick<ProviderCall, "endpoint" | "request" | "requestBytes">,
): TokenCounts {
  const inputTokens = Math.max(1, Math.ceil(call.requestBytes.length / bytesPerToken));
  const writesText = !writesNothing.has(call.endpoint);
  return { inputTokens, outputTokens: writesText ? outputLimit(call.request.value) : 0 };
}

const writesNothing: ReadonlySet<ProviderCall["endpoint"]> = new Set([
  "embeddings",
  "moderations",
  "count_tokens",
]);

function outputLimit(request: Readonly<Record<string, unknown>>): number {
  const limits = [
    request["max_completion_tokens"],
    request["max_output_tokens"],
    request["max_tokens"],
  ];
  const limit = limits.find(isCount) ?? outputTokensIfNotLimited;
  const { n } = request;
  return isCount(n) ? limit * n : limit;
}

const isCount = (value: unknown): value is number =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= countMax;

/** Beyond this a number is no count of tokens, and products of two would not be exact. */
const countMax = 90_000_000;
