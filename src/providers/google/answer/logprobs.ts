import { isJsonObject, objectsOf } from "../../../lib/json-text.ts";
import type { JsonObject } from "../../../lib/json-text.ts";

/**
 * Gemini's `logprobsResult` of each candidate in OpenAI's form.
 * (https://ai.google.dev/api/generate-content#LogprobsResult, read 2026-11-21)
 */
export function logprobsIn(responses: readonly JsonObject[]): Map<number, JsonObject> {
  const found = new Map<number, JsonObject>();
  for (const candidate of responses.flatMap(({ candidates }) => objectsOf(candidates))) {
    const { index, logprobsResult: result } = candidate;
    if (isJsonObject(result)) found.set(typeof index === "number" ? index : 0, logprobsOf(result));
  }
  return found;
}

function logprobsOf({ chosenCandidates: chosen, topCandidates: top }: JsonObject): JsonObject {
  const tops: readonly unknown[] = Array.isArray(top) ? top : [];
  const content = objectsOf(chosen).map((token, index) => {
    const place = tops[index];
    const others = isJsonObject(place) ? objectsOf(place["candidates"]) : [];
    return { ...tokenOf(token), top_logprobs: others.map(tokenOf) };
  });
  return { content, refusal: null };
}

function tokenOf({ token, logProbability }: JsonObject): JsonObject {
  const text = typeof token === "string" ? token : "";
  return { token: text, logprob: logProbability ?? 0, bytes: [...Buffer.from(text)] };
}
