import { rateLimitReset } from "../../../protocol/rate-limit-reset.ts";
import type { UpstreamResponse } from "../../transport/upstream-call.ts";

type Headers = UpstreamResponse["headers"];

const prefix = "anthropic-ratelimit-";

/**
 * Anthropic's limits under the names that OpenAI's clients read: `x-ratelimit-limit-requests` and the like, with the
 * time until the reset in place of its date. What OpenAI has no name for (input and output tokens apart) is
 * left out. (https://platform.claude.com/docs/en/api/rate-limits#response-headers, read 2026-11-21)
 */
export function withOpenAiLimits(headers: Headers, nowEpochMs: number): Headers {
  const translated: Record<string, string | string[] | undefined> = {};
  for (const name in headers) {
    const value = headers[name];
    if (!name.startsWith(prefix)) translated[name] = value;
    else if (typeof value === "string") addLimit(translated, name, value, nowEpochMs);
  }
  return translated;
}

function addLimit(
  translated: Record<string, unknown>,
  name: string,
  value: string,
  nowEpochMs: number,
): void {
  const [, kind, what] =
    /^(requests|tokens)-(limit|remaining|reset)$/.exec(name.slice(prefix.length)) ?? [];
  if (kind === undefined || what === undefined) return;
  if (what !== "reset") {
    translated[`x-ratelimit-${what}-${kind}`] = value;
    return;
  }
  const untilMs = Date.parse(value) - nowEpochMs;
  if (!Number.isNaN(untilMs)) translated[`x-ratelimit-reset-${kind}`] = rateLimitReset(untilMs);
}
