import { hash } from "node:crypto";

import { canonicalJson } from "../../lib/canonical-json.ts";
import type { JsonText } from "../../lib/json-text.ts";
import type { ProviderCall } from "../../providers/provider.ts";
import type { CachedEndpoint } from "./cache-store.ts";

/** All that decides whether one stored answer is the answer to a request. */
export interface KeyParts {
  readonly tenantId: string;
  readonly endpoint: CachedEndpoint;
  /** As the client named it. */
  readonly model: string;
  /** What the name stands for now, as `provider/model`: an alias that means another model must miss. */
  readonly targets: readonly TargetName[];
  /** How one of them is chosen. */
  readonly strategy: string;
  /** The only provider that the client wants it from. */
  readonly pinnedProvider: string | undefined;
  readonly clientHeaders: ProviderCall["clientHeaders"];
  readonly request: Pick<JsonText, "text">;
}

interface TargetName {
  readonly name: string;
  readonly place?: string | undefined;
  /** Sent on to it, on top of `answerShapingHeaders`. */
  readonly forwardHeaders?: readonly string[];
}

/** Headers of clients that vendors answer differently to. */
export const answerShapingHeaders: readonly string[] = [
  "anthropic-beta",
  "anthropic-version",
  "openai-beta",
];

/**
 * Fields that say how an answer travels or whom it is for, and not what it is. `safety_identifier` and
 * `prompt_cache_key` are what OpenAI made of `user`. The model is in the key by its name and its targets.
 * (https://platform.openai.com/docs/api-reference/chat/create#chat-create-user, read 2026-11-21)
 */
export const personalFields: ReadonlySet<string> = new Set([
  "stream_options",
  "user",
  "metadata",
  "safety_identifier",
  "prompt_cache_key",
]);

const omitted: ReadonlySet<string> = new Set(["model", "stream", ...personalFields]);

/** A response repeats whom it is for, and nobody is to read another's name there. */
const omittedOfResponses: ReadonlySet<string> = new Set(["model", "stream", "stream_options"]);

/** Requests that nest deeper are not cached. The reading of bodies has a bound of its own, which is lower by default. */
export const keyDepthMax = 1_000;

/** Changes when the form of keys does, so that what an older version stored is not found under a newer one's. */
const keyVersion = 1;

/**
 * The exact tier's key: SHA-256, 43 characters of base64url. Equal for requests that mean the same, however they are
 * written; different for any two that could be answered differently. Undefined for one that has no key.
 * Runs once per request that may be cached; budget 10 µs for 2 KB.
 */
export const exactKey = (parts: KeyParts): string | undefined => keyOf("exact", parts);

/** The semantic tier's shard: `request` is one's scope, which is all but the last user message. Never an exact key. */
export const shardKey = (parts: KeyParts): string | undefined => keyOf("shard", parts);

function keyOf(tier: "exact" | "shard", parts: KeyParts): string | undefined {
  const omit = parts.endpoint === "responses" ? omittedOfResponses : omitted;
  const canonical = canonicalJson(parts.request.text, { omit, depthMax: keyDepthMax });
  if (canonical === undefined) return undefined;
  return digestOf(`${headOf(tier, parts)}\n${canonical}`);
}

/** JSON writes every text so that it can be read back: no two heads are one, and none holds a line feed. */
function headOf(tier: string, parts: KeyParts): string {
  const { clientHeaders } = parts;
  const { hash: targetsAre, headerNames } = targetsOf(parts.targets);
  const headers = headerNames
    .filter((name) => clientHeaders[name] !== undefined)
    .map((name) => [name, String(clientHeaders[name])]);
  return JSON.stringify([
    keyVersion,
    tier,
    parts.tenantId,
    parts.endpoint,
    parts.model,
    parts.strategy,
    targetsAre,
    parts.pinnedProvider ?? null,
    headers,
  ]);
}

interface TargetFacts {
  readonly hash: string;
  readonly headerNames: readonly string[];
}

/** Routes live as long as their configuration, so that this is worked out once for each. */
const known = new WeakMap<readonly TargetName[], TargetFacts>();

/** Which targets there are, in their order: who puts another one first does not want the old one's answers. Weights are not in it. */
function targetsOf(targets: readonly TargetName[]): TargetFacts {
  const before = known.get(targets);
  if (before !== undefined) return before;
  const names = targets.map(({ name, place = "" }) => JSON.stringify([name, place]));
  const forwarded = targets.flatMap(({ forwardHeaders = [] }) => forwardHeaders);
  const found = {
    hash: hash("sha256", JSON.stringify(names), "base64url"),
    headerNames: [...new Set([...answerShapingHeaders, ...forwarded.sort()])],
  };
  known.set(targets, found);
  return found;
}

/**
 * Half of a surrogate pair has no bytes in UTF-8, and all of them would become the same ones: such a text is escaped
 * first. Bodies that were read have none.
 */
function digestOf(text: string): string {
  return hash("sha256", text.isWellFormed() ? text : JSON.stringify(text), "base64url");
}
