import { rateLimitReset } from "../../protocol/rate-limit-reset.ts";
import type { Quota, QuotaState } from "./limit-store.ts";

/** Of two limits of a kind, that of which less remains: the one that the caller will meet first. */
export function narrower(
  left: QuotaState | undefined,
  right: QuotaState | undefined,
): QuotaState | undefined {
  if (left === undefined || right === undefined) return left ?? right;
  if (left.remaining !== right.remaining) return left.remaining < right.remaining ? left : right;
  return left.limit <= right.limit ? left : right;
}

/** OpenAI's headers, names and values in turn; none for a kind that is not limited. Runs once per request. */
export function quotaHeaders(quota: Quota): string[] {
  const headers: string[] = [];
  addHeaders(headers, requestNames, quota.requests);
  addHeaders(headers, tokenNames, quota.tokens);
  return headers;
}

/** (https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers, read 2026-11-21) */
const namesFor = (kind: "requests" | "tokens") => ({
  limit: `x-ratelimit-limit-${kind}`,
  remaining: `x-ratelimit-remaining-${kind}`,
  reset: `x-ratelimit-reset-${kind}`,
});
const requestNames = namesFor("requests");
const tokenNames = namesFor("tokens");

function addHeaders(
  headers: string[],
  names: ReturnType<typeof namesFor>,
  state: QuotaState | undefined,
): void {
  if (state === undefined) return;
  headers.push(names.limit, String(state.limit));
  headers.push(names.remaining, String(Math.max(0, Math.floor(state.remaining))));
  headers.push(names.reset, rateLimitReset(state.resetMs));
}
