import type { IncomingHttpHeaders } from "node:http";

/** Whose API a caller speaks: it decides how failures look, and where a key may stand. */
export type Dialect = "openai" | "anthropic";

/** Clients that are given a base URL with `/v1` too many, or none, are told so in their own words. */
const messagesPath = /^(?:\/v1)*\/messages(?:[/?]|$)/;
const modelsPath = /^(?:\/v1)*\/models(?:[/?]|$)/;

/**
 * `url` is the request's target as it came, whole from a client of a proxy's. Models are on the same path in
 * both APIs: there a header tells. Runs a few times per request; budget 0.1 µs.
 */
export function dialectOf(request: {
  readonly url?: string | undefined;
  readonly headers: IncomingHttpHeaders;
}): Dialect {
  const { url = "" } = request;
  const path = url.startsWith("/") ? url : url.replace(/^https?:\/\/[^/]*/i, "");
  if (messagesPath.test(path)) return "anthropic";
  const isAnthropicClient = request.headers["anthropic-version"] !== undefined;
  return isAnthropicClient && modelsPath.test(path) ? "anthropic" : "openai";
}
