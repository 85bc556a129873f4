import { idEpochMs } from "../../../lib/ids.ts";
import { hashTag } from "../limits/keys.ts";

/**
 * The books in Redis. What belongs to one tenant has its hash tag, so that one script can change all of it:
 *
 *     {t}:ad:<yyyymmddhh>  HASH  request id → the record, packed (`record-codec.ts`): also the guard against counting twice;
 *                                amendment id → nothing, for the same reason
 *     {t}:ai:<yyyymmddhh>  ZSET  score 0, what filters look at (`index-member.ts`); "!" sorts before all of it, and is nothing
 *     {t}:am:<yyyymmddhh>  ZSET  score 0, "<request id>|<amendment id>|<amendment>"; the hour is the request's
 *     {t}:p:<yyyymmddhh>   HASH  request id → prompt and answer, packed; empty: erased; "#": bytes of all
 *     {t}:u:<yyyymmddhh>   HASH  "key|model|served|provider|sum" → integer; "!": until when `ad` is a guard; "^": see `settle.lua`
 *     {t}:ut:<yyyymmdd>    HASH  "tag|model|sum" → integer; "?<tag>": one of the first hundred; "#": how many those are
 *     {t}:uj:<yyyymmdd>    HASH  "key|model|served|provider|evaluator|version|judge model|sum" → integer; "?<evaluator>", "#": as for tags
 *     {books:<n>}:epoch    STRING  made once: where it is gone, so is everything else (`loss-watch.ts`)
 *     {books}:restored     STRING  the epochs of the data set that a backup was put into
 *
 * Budgets are beside the limits that they are compared with (`../limits/keys.ts`).
 */
export const bookKeys = (tenantId: string, startedEpochMs: number) => {
  const prefix = hashTag(tenantId);
  const hour = hourText(startedEpochMs);
  return {
    records: `${prefix}:ad:${hour}`,
    index: `${prefix}:ai:${hour}`,
    amendments: `${prefix}:am:${hour}`,
    payloads: `${prefix}:p:${hour}`,
    usage: `${prefix}:u:${hour}`,
    tags: `${prefix}:ut:${hour.slice(0, 8)}`,
    judge: `${prefix}:uj:${hour.slice(0, 8)}`,
  };
};

/** What a tenant's id may hold; others have nothing here, and must not name anybody else's keys. */
const tenantIdPattern = /^[A-Za-z0-9_-]{1,64}$/;

export const isTenantId = (tenantId: string): boolean => tenantIdPattern.test(tenantId);

export const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

/** `2026112110` */
export const hourText = (epochMs: number): string =>
  new Date(epochMs).toISOString().slice(0, 13).replace(/[-T]/g, "");

export const hourStartMs = (epochMs: number): number => Math.floor(epochMs / hourMs) * hourMs;

/** Where a request's record is: the time in its id. Undefined for what is no id of ours. */
export function startOf(id: string): number | undefined {
  return idPattern.test(id) ? idEpochMs(id) : undefined;
}

const idPattern = /^[0-7][0-9A-HJKMNP-TV-Z]{25}$/;
