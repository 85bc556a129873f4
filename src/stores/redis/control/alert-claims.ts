import { z } from "zod";

import type { AlertClaims } from "../../../jobs/alert-claims.ts";
import { asTexts, runScript, withFailures } from "./commands.ts";
import type { RedisCommands } from "./commands.ts";
import { tag } from "./keys.ts";

/**
 * Which alerts were sent, in Redis: each claim as JSON in a hash, the unfinished ones by the end of their term, and
 * all by when they may be forgotten. Its calls reject with `store_unavailable` where Redis does not answer.
 */
export function redisAlertClaims(inner: RedisCommands): AlertClaims {
  const redis = withFailures(inner);
  return {
    async claim(alerts, { nowMs, untilMs }) {
      if (alerts.length === 0) return [];
      const values = alerts.flatMap((alert) => [
        alert.id,
        JSON.stringify({ ...alert, madeAtMs: nowMs }),
        alert.expiresAtMs ?? "inf",
      ]);
      const made = await runScript(redis, claimScript, allKeys, [untilMs, ...values]);
      return (made as number[]).map((isNew) => isNew === 1);
    },
    async finish(id) {
      await redis.call("ZREM", openKey, id);
    },
    async takeOver({ nowMs, untilMs, madeSinceMs }, limit) {
      const values = [nowMs, untilMs, limit, madeSinceMs];
      const reply = await runScript(redis, takeOverScript, allKeys, values);
      return asTexts(reply).map((text) => {
        const { id, tenantId, body, expiresAtMs } = claimJson.parse(JSON.parse(text ?? ""));
        return { id, tenantId, body, expiresAtMs };
      });
    },
    async forgetExpired(nowMs, limit) {
      return Number(await runScript(redis, forgetScript, allKeys, [nowMs, limit]));
    },
  };
}

const claimsKey = `${tag}:alert`;
const openKey = `${tag}:alert:open`;
const expiryKey = `${tag}:alert:expiry`;
const allKeys = [claimsKey, openKey, expiryKey];

/** ARGV: the end of the term; id, JSON and expiry of each. 1 for each that was new. */
const claimScript = `
local made = {}
for at = 2, #ARGV, 3 do
  local isNew = redis.call('HSETNX', KEYS[1], ARGV[at], ARGV[at + 1])
  if isNew == 1 then
    redis.call('ZADD', KEYS[2], ARGV[1], ARGV[at])
    redis.call('ZADD', KEYS[3], ARGV[at + 2], ARGV[at])
  end
  table.insert(made, isNew)
end
return made`;

/** ARGV: now, the end of the new term, how many, the oldest that counts. The claims, as JSON. */
const takeOverScript = `
local taken = {}
for _, id in ipairs(redis.call('ZRANGE', KEYS[2], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, 1000)) do
  if #taken >= tonumber(ARGV[3]) then break end
  local json = redis.call('HGET', KEYS[1], id)
  if not json then
    redis.call('ZREM', KEYS[2], id)
  elseif cjson.decode(json).madeAtMs >= tonumber(ARGV[4]) then
    redis.call('ZADD', KEYS[2], ARGV[2], id)
    table.insert(taken, json)
  end
end
return taken`;

/** ARGV: now, how many. */
const forgetScript = `
local ids = redis.call('ZRANGE', KEYS[3], '-inf', ARGV[1], 'BYSCORE', 'LIMIT', 0, ARGV[2])
for _, id in ipairs(ids) do
  redis.call('ZREM', KEYS[3], id)
  redis.call('ZREM', KEYS[2], id)
  redis.call('HDEL', KEYS[1], id)
end
return #ids`;

const claimJson = z.object({
  id: z.string(),
  tenantId: z.string(),
  body: z.string(),
  expiresAtMs: z.number().optional(),
});
