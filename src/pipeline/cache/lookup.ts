import { Failure } from "../../errors.ts";
import type { JsonObject } from "../../lib/json-text.ts";
import { wantsUsage } from "../../protocol/stream-options.ts";
import type { EventStream } from "../../providers/provider.ts";
import { cacheRules } from "../../tenants/cache-policy.ts";
import type { CacheRules } from "../../tenants/cache-policy.ts";
import type { IncomingCall } from "../incoming-call.ts";
import type { RouteFound } from "../response-binding.ts";
import { noteOfStored } from "./cache-note.ts";
import type { CacheNote, HitNote } from "./cache-note.ts";
import type { AnswerCache } from "./answer-cache.ts";
import type { StoredAnswer } from "./cache-store.ts";
import { readCacheControls } from "./controls.ts";
import { judgeRequest } from "./eligibility.ts";
import type { BypassReason, CacheableRequest, RequestVerdict } from "./eligibility.ts";
import { exactKey } from "./key.ts";
import type { KeyParts } from "./key.ts";
import { replayStream, replayWhole } from "./replay.ts";
import type { SemanticAsking } from "./semantic-tier.ts";

/** What a request has to do with the cache. */
export type CacheAsking =
  CacheableCall | { readonly kind: "bypass"; readonly reason: BypassReason };

/** A request that may be answered from the cache, or whose answer may be kept. */
export interface CacheableCall {
  readonly kind: "cacheable";
  readonly cache: AnswerCache;
  readonly verdict: CacheableRequest;
  readonly key: string;
  readonly parts: KeyParts;
  readonly rules: CacheRules;
  /** Begun when the exact tier had nothing; undefined where the semantic tier has nothing to do with it. */
  semantic?: SemanticAsking;
  /** A look-up has failed, so that what is there was not found. */
  isBroken?: true;
}

export interface FoundAnswer {
  readonly note: HitNote;
  readonly body:
    | { readonly kind: "whole"; readonly bytes: Buffer; readonly value: JsonObject }
    | { readonly kind: "stream"; readonly events: EventStream };
}

/**
 * What a request has to do with the cache, or why nothing. Throws `cache_miss` where it may be answered from there alone,
 * and cannot be; `invalid_value` for headers that make no sense. Runs once per request; budget 1 µs, and 10 µs where a
 * key is needed.
 */
export function askCache(
  call: IncomingCall,
  route: RouteFound,
  cache: AnswerCache | undefined,
): CacheAsking {
  const { endpoint, request, clientHeaders } = call;
  const controls = readCacheControls(clientHeaders);
  const rules = cacheRules(call.caller.policies);
  const verdict = judgeRequest({ endpoint, request: request.value, rules, controls });
  const isLive = route.targets.some(({ model }) => liveModel.test(model));
  if (verdict.kind === "cacheable" && cache !== undefined && !isLive) {
    const parts = keyParts(verdict, call, route);
    const key = keyOrNone(parts, cache);
    if (key !== undefined) return { kind: "cacheable", cache, verdict, key, parts, rules };
  }
  const reason = isLive ? "live_data" : whyNot(verdict, cache);
  if (controls.onlyIfCached) throw cacheMiss(`requests like it are not cached (${reason})`);
  return { kind: "bypass", reason };
}

/** Models that look things up in the web without being asked to: OpenAI's, Perplexity's, OpenRouter's variants. */
const liveModel = /-search-preview|(?:^|\/)sonar\b|:online$/;

function whyNot(verdict: RequestVerdict, cache: AnswerCache | undefined): BypassReason {
  if (verdict.kind === "bypass") return verdict.reason;
  return cache === undefined ? "disabled" : "no_key";
}

function keyOrNone(parts: KeyParts, { onError }: AnswerCache): string | undefined {
  try {
    return exactKey(parts);
  } catch (error) {
    onError(error);
    return undefined; // The request goes on as one that nests too deep does.
  }
}

function keyParts(verdict: CacheableRequest, call: IncomingCall, route: RouteFound): KeyParts {
  const { model, clientHeaders, request } = call;
  return {
    tenantId: call.caller.tenantId,
    endpoint: verdict.endpoint,
    model,
    targets: route.targets,
    strategy: route.strategy,
    pinnedProvider: (route.pin ?? call.pin)?.providerName,
    clientHeaders,
    request,
  };
}

/**
 * The answer to a request if there is one: from this process' memory at once, from the store or the semantic tier by a
 * promise. Neither throws nor rejects: a cache that does not work has nothing.
 */
export function findAnswer(
  asking: CacheableCall,
  call: IncomingCall,
): FoundAnswer | undefined | Promise<FoundAnswer | undefined> {
  if (!asking.verdict.reads) return undefined;
  const { exact, onError } = asking.cache;
  try {
    const known = exact.peek(call.caller.tenantId, asking.key);
    const found = known && replayed(known, noteOfStored(known, { outcome: "exact" }), call);
    if (found !== undefined) return found;
  } catch (error) {
    asking.isBroken = true;
    onError(error);
  }
  return findFurther(asking, call).catch((error: unknown) => {
    asking.isBroken = true;
    onError(error);
    return undefined;
  });
}

async function findFurther(
  asking: CacheableCall,
  call: IncomingCall,
): Promise<FoundAnswer | undefined> {
  const { exact } = asking.cache;
  // That the store does not answer is its health's to say.
  const stored = await exact.get(call.caller.tenantId, asking.key).catch(() => {
    asking.isBroken = true;
    return undefined;
  });
  const found = stored && replayed(stored, noteOfStored(stored, { outcome: "exact" }), call);
  return found ?? findSimilar(asking, call);
}

async function findSimilar(
  asking: CacheableCall,
  call: IncomingCall,
): Promise<FoundAnswer | undefined> {
  const hit = await beginSemantic(asking, call)?.find(call.signal);
  if (hit === undefined) return undefined;
  const { answer, similarity } = hit;
  return replayed(answer, noteOfStored(answer, { outcome: "semantic", similarity }), call);
}

/** Also for a request that does not want to be answered from the cache: what it is answered can be learnt from. */
export function beginSemantic(
  asking: CacheableCall,
  { id, request }: IncomingCall,
): SemanticAsking | undefined {
  const { cache, parts, rules } = asking;
  if (cache.semantic === undefined || rules.semantic.mode === "off") return undefined;
  try {
    const begun = cache.semantic.begin({ id, rules: rules.semantic, key: parts, request });
    return typeof begun === "string" ? undefined : (asking.semantic = begun);
  } catch (error) {
    cache.onError(error);
    return undefined;
  }
}

/** Undefined for what cannot be read: as good as not stored. */
function replayed(
  answer: StoredAnswer,
  note: HitNote,
  { isStream, request }: IncomingCall,
): FoundAnswer | undefined {
  if (isStream) {
    const events = replayStream(answer, { wantsUsage: wantsUsage(request) });
    return events && { note, body: { kind: "stream", events } };
  }
  const whole = replayWhole(answer);
  return whole && { note, body: { kind: "whole", ...whole } };
}

/** Before anything was found. */
export const firstNote = (asking: CacheAsking): CacheNote =>
  asking.kind === "bypass" ? { outcome: "bypass", reason: asking.reason } : plainMiss;

/** After nothing was found. */
export const missNote = ({ semantic, isBroken }: CacheableCall): CacheNote => {
  const similarity = semantic?.similarity;
  if (isBroken === true) return { outcome: "miss", similarity, isBroken };
  return similarity === undefined ? plainMiss : { outcome: "miss", similarity };
};

const plainMiss: CacheNote = { outcome: "miss" };

export function cacheMiss(why: string): Failure {
  const message = `The header 'x-sentinel-cache: only-if-cached' was sent, and there is no answer to this request in the cache: ${why}. Send it without the header.`;
  return new Failure("cache_miss", message, { headers: { "x-should-retry": "false" } });
}
