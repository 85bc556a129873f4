import { createHash } from "node:crypto";

import type { StoredAnswer } from "../../../pipeline/cache/cache-store.ts";
import { purgeFields, requestPart } from "../cache/keys.ts";
import { hashTag } from "../limits/keys.ts";

/**
 * The semantic tier in Redis. What is a tenant's has its hash tag, so that one script reaches all of it:
 *
 *     {t}:se:<id>         STRING  until when, a member, "\n", then the entry (`entry-codec.ts`); gone when it is over
 *     {t}:sa:<answer>     STRING  "<shard>|m:<model>|t:<tag>=<value>|…|\n", then the answer (`answer-codec.ts`); as above
 *     {t}:sh:<shard>      ZSET    score 0, members of its entries: by their ids, so the oldest first
 *     {t}:st:<shard>      HASH    "<answer>:c", "<answer>:r": how often checks have confirmed and refuted it
 *     {t}:si              ZSET    score until when, members of all its entries
 *     {t}:sr              HASH    "<answer>:n": how many entries have it; "<answer>:w": what it weighs
 *     {t}:sb              STRING  what all of it weighs
 *     {t}:sp              HASH    what was purged → when (`cache/note-purge.lua`)
 *     {t}:sy:<hash>       STRING  what the policy has learnt with the embedder of that hash, JSON
 *     {cache}:changes     STREAM  what changed for all tenants, the last thousands (`change-feed.ts`)
 *
 * A member is `<id>|<answer>|<shard>|<weight>|m:<model>|t:<tag>=<value>|…|`, model and tags being the answer's: so a
 * purge by them finds aliases as well, and a tenant's purge looks through its own and nobody else's. Everything ends by
 * itself, at the latest with the answer that is over last.
 */
export const semanticKeys = (tenantId: string) => {
  /** What all keys of a tenant's tier begin with, for scripts. */
  const tier = `${hashTag(tenantId)}:s`;
  return {
    tier,
    entry: (id: string): string => `${tier}e:${requestPart(id)}`,
    answer: (id: string): string => `${tier}a:${requestPart(id)}`,
    entries: (shard: string): string => `${tier}h:${requestPart(shard)}`,
    tallies: (shard: string): string => `${tier}t:${requestPart(shard)}`,
    index: `${tier}i`,
    refs: `${tier}r`,
    bytes: `${tier}b`,
    purges: `${tier}p`,
    policy: (embedderId: string): string =>
      `${tier}y:${createHash("sha256").update(embedderId).digest("hex").slice(0, 32)}`,
    /** Written to find out whether the server is back. */
    probe: `${tier}-probe`,
  };
};

export const changesKey = "{cache}:changes";

/** What an entry begins with in Redis: thirteen digits of when it is over, then whose answer it has. */
export const untilDigits = 13;
export const namesOf = (id: string, answerId: string): string =>
  `|${requestPart(id)}|${requestPart(answerId)}|`;

/** By what an answer, and with it each of its entries, is found: a purge's needles, one after the other. */
export function answerLine(shard: string, answer: StoredAnswer): string {
  const [, , ...parts] = purgeFields(answer);
  return `${[requestPart(shard), ...parts].join("|")}|`;
}
