import type { Purge, StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import { hashTag } from "../limits/keys.ts";

/**
 * The exact tier in Redis. What is a tenant's has its hash tag, so that one script reaches all of it:
 *
 *     {t}:x:<key>       STRING  "<request id>\n", then the answer (`answer-codec.ts`); gone when it is over
 *     {t}:xi:<hour>     ZSET    score 0, the members below, of the answers that are over within that hour since 1970; gone with it
 *     {t}:xs            HASH    hour → what its answers weigh together
 *     {t}:xp            HASH    what was purged (`purgeFields`) → when; "^": see `note-purge.lua`
 *     {cache}:purges    STREAM  purges of all tenants, the last thousands, for the replicas (`purge-feed.ts`)
 *
 * A member is `<request id>|<key>|<weight>|m:<model>|t:<tag>=<value>|…|`, names as `encodeURIComponent` has them. Such an
 * index needs no care: it ends with the answers that it lists, and a purge looks through a tenant's own and nobody else's.
 */
export const cacheKeys = (tenantId: string) => {
  const tag = hashTag(tenantId);
  return {
    answer: (key: string): string => `${tag}:x:${part(key)}`,
    /** Before the key of an answer, for scripts. */
    answerPrefix: `${tag}:x:`,
    index: (hour: number): string => `${tag}:xi:${hour}`,
    /** Before an hour, for scripts. */
    indexPrefix: `${tag}:xi:`,
    sizes: `${tag}:xs`,
    purges: `${tag}:xp`,
    /** Written to find out whether the server is back. */
    probe: `${tag}:x-probe`,
  };
};

export const purgesKey = "{cache}:purges";

const hourMs = 3_600_000;

export const hourOf = (epochMs: number): number => Math.floor(epochMs / hourMs);
export const hourEndMs = (hour: number): number => (hour + 1) * hourMs;

/** What is longer is cut: a purge may then mean some more than it must. */
const partLengthMax = 200;
const part = (text: string): string =>
  encodeURIComponent(text.slice(0, partLengthMax).toWellFormed());

const modelPart = (model: string): string => `m:${part(model)}`;
const tagPart = (name: string, value: string): string => `t:${part(name)}=${part(value)}`;

export const requestPart = part;

export function memberOf(key: string, answer: StoredAnswer, weight: number): string {
  const tags = Object.entries(answer.tags).map(([name, value]) => tagPart(name, value));
  const parts = [requestPart(answer.requestId), part(key), weight];
  return `${[...parts, modelPart(answer.model), ...tags].join("|")}|`;
}

/** What a member must contain, all of it, for the purge to be about it. Of a request, the index is searched by its id. */
export function purgeNeedles({ model, tag }: Purge): string[] {
  const parts = [];
  if (model !== undefined) parts.push(`|${modelPart(model)}|`);
  if (tag !== undefined) parts.push(`|${tagPart(tag.name, tag.value)}|`);
  return parts;
}

/**
 * By what a purge is noted: its narrowest part. One of a model and a tag is noted by the tag alone: it refuses some
 * answers too many of those that are under way, and none that come later.
 */
export function purgeField({ model, requestId, tag }: Purge): string {
  if (requestId !== undefined) return `r:${requestPart(requestId)}`;
  if (tag !== undefined) return tagPart(tag.name, tag.value);
  return model === undefined ? "*" : modelPart(model);
}

/** By which purges an answer is meant. */
export function purgeFields(answer: StoredAnswer): string[] {
  const tags = Object.entries(answer.tags).map(([name, value]) => tagPart(name, value));
  return ["*", `r:${requestPart(answer.requestId)}`, modelPart(answer.model), ...tags];
}
