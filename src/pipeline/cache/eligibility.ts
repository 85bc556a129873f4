import { isJsonObject } from "../../lib/json-text.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import type { Endpoint } from "../../protocol/endpoints.ts";
import type { CacheRules } from "../../tenants/cache-policy.ts";
import type { CachedEndpoint } from "./cache-store.ts";
import type { CacheControls } from "./controls.ts";
import type { NotStoredReason } from "./storable.ts";

/** Why a request, or its answer, went past the cache: names for the audit record, and no others. */
export type BypassReason = RequestBypassReason | NotStoredReason;

export type RequestBypassReason = (typeof requestBypassReasons)[number];
export const requestBypassReasons = [
  /** Nothing is kept of this endpoint's answers. */
  "endpoint",
  /** The tenant's or the key's policy has the cache off. */
  "disabled",
  /** `x-sentinel-cache: no-store`. */
  "no_store",
  /** It may be answered differently each time, and did not ask to be cached. */
  "temperature",
  /** `n` above 1: variety is what it is about. */
  "several_answers",
  "audio",
  /** It names what the provider keeps, or wants its answer kept there. */
  "stored_response",
  "background",
  /** The provider looks things up for it, and finds other things tomorrow. */
  "live_data",
  /** It fills the provider's prompt cache. */
  "prompt_warmup",
  /** It has no key: it nests too deep. */
  "no_key",
] as const;

export type RequestVerdict =
  { readonly kind: "bypass"; readonly reason: RequestBypassReason } | CacheableRequest;

export interface CacheableRequest {
  readonly kind: "cacheable";
  readonly endpoint: CachedEndpoint;
  readonly reads: boolean;
  readonly writes: boolean;
  readonly onlyIfCached: boolean;
  /** How long its answer is kept. */
  readonly ttlMs: number;
}

export interface RequestToJudge {
  readonly endpoint: Endpoint;
  readonly request: JsonObject;
  readonly rules: CacheRules;
  readonly controls: CacheControls;
}

/**
 * Whether a request may be answered from the cache, or its answer be kept, as far as the request itself says. Runs for
 * each request; budget 1 µs, plus a look at each message.
 */
export function judgeRequest(asked: RequestToJudge): RequestVerdict {
  const { endpoint, request, rules, controls } = asked;
  if (!isCachedEndpoint(endpoint)) return { kind: "bypass", reason: "endpoint" };
  const reason = policyReason(asked) ?? contentReason(endpoint, request);
  if (reason !== undefined) return { kind: "bypass", reason };
  const { reads, writes, onlyIfCached, ttlSeconds } = controls;
  const seconds = Math.min(ttlSeconds ?? rules.ttlSeconds, rules.maxTtlSeconds);
  return { kind: "cacheable", endpoint, reads, writes, onlyIfCached, ttlMs: seconds * 1_000 };
}

export function isCachedEndpoint(endpoint: Endpoint): endpoint is CachedEndpoint {
  return endpoint !== "moderations" && endpoint !== "count_tokens";
}

function policyReason({
  endpoint,
  request,
  rules,
  controls,
}: RequestToJudge): RequestBypassReason | undefined {
  if (!rules.isEnabled) return "disabled";
  if (!controls.reads && !controls.writes) return "no_store";
  if (controls.optsIn || endpoint === "embeddings") return undefined;
  return temperatureOf(request) > rules.maxTemperature ? "temperature" : undefined;
}

/** Vendors take 1 where none is named. */
function temperatureOf({ temperature }: JsonObject): number {
  return typeof temperature === "number" ? temperature : 1;
}

function contentReason(
  endpoint: CachedEndpoint,
  request: JsonObject,
): RequestBypassReason | undefined {
  switch (endpoint) {
    case "chat":
      return chatReason(request);
    case "completions":
      return wantsSeveral(request) ? "several_answers" : undefined;
    case "responses":
      return responsesReason(request);
    case "messages":
      return messagesReason(request);
    case "embeddings":
      return undefined;
  }
}

function chatReason(request: JsonObject): RequestBypassReason | undefined {
  if (wantsSeveral(request)) return "several_answers";
  if (request["store"] === true) return "stored_response";
  if (isThere(request["audio"]) || namesAudio(request["modalities"])) return "audio";
  if (holdsAudio(request["messages"])) return "audio";
  return chatSearchFields.some((name) => isThere(request[name])) ? "live_data" : undefined;
}

/** OpenAI's, xAI's and OpenRouter's ways to have the web searched in a chat. */
const chatSearchFields = ["web_search_options", "search_parameters", "plugins"];

/**
 * That OpenAI stores a response unless told not to shows in its answer, and is judged there: other servers store none.
 */
function responsesReason(request: JsonObject): RequestBypassReason | undefined {
  if (request["background"] === true) return "background";
  const isStored =
    request["store"] === true ||
    isThere(request["previous_response_id"]) ||
    isThere(request["conversation"]);
  if (isStored) return "stored_response";
  if (namesAudio(request["modalities"]) || holdsAudio(request["input"])) return "audio";
  return undefined;
}

function messagesReason(request: JsonObject): RequestBypassReason | undefined {
  if (request["max_tokens"] === 0) return "prompt_warmup";
  if (isThere(request["container"])) return "stored_response";
  const servers = request["mcp_servers"];
  return Array.isArray(servers) && servers.length > 0 ? "live_data" : undefined;
}

function wantsSeveral({ n: count, best_of: tries }: JsonObject): boolean {
  return isAboveOne(count) || isAboveOne(tries);
}

const isAboveOne = (value: unknown): boolean => typeof value === "number" && value > 1;

/** A field that is null is as good as left out. */
const isThere = (value: unknown): boolean =>
  value !== undefined && value !== null && value !== false && value !== "";

const namesAudio = (modalities: unknown): boolean =>
  Array.isArray(modalities) && modalities.includes("audio");

/** Whether a message has a part that is spoken. */
function holdsAudio(messages: unknown): boolean {
  return (
    Array.isArray(messages) &&
    messages.some((message: unknown) => isJsonObject(message) && isSpoken(message))
  );
}

function isSpoken({ audio, content }: JsonObject): boolean {
  if (isThere(audio)) return true;
  return (
    Array.isArray(content) &&
    content.some((part: unknown) => isJsonObject(part) && part["type"] === "input_audio")
  );
}
