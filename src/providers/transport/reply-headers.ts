import type { UpstreamResponse } from "./upstream-call.ts";

/**
 * The vendor's headers that mean something to the client. A list of what passes, because what must not is
 * without end: cookies, hop-by-hop headers, the operator's organisation, the vendor's own request id.
 */
const passed = new Set([
  "openai-processing-ms",
  "openai-model",
  "openai-version",
  "retry-after",
  "retry-after-ms",
  "x-should-retry",
]);
const passedPrefixes = ["x-ratelimit-", "anthropic-ratelimit-"];

export function repliedHeaders(headers: UpstreamResponse["headers"]): Record<string, string> {
  const replied: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (typeof value !== "string") continue;
    if (passed.has(name) || passedPrefixes.some((prefix) => name.startsWith(prefix))) {
      replied[name] = value;
    }
  }
  return replied;
}
