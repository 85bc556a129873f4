import { z } from "zod";

import type { OwnerRecord, ResponseOwnerStore } from "../../../pipeline/response-owners.ts";
import { asTexts, runScript, withFailures } from "./commands.ts";
import type { RedisCommands } from "./commands.ts";

/** Owners of stored responses in Redis. Its calls reject with `store_unavailable` where Redis does not answer. */
export function redisResponseOwnerStore(inner: RedisCommands): ResponseOwnerStore {
  const redis = withFailures(inner);
  return {
    async putOwners(records) {
      const perShard = Map.groupBy(records, ({ responseHash }) => shardOf(responseHash));
      await Promise.all(
        [...perShard].map(([shard, owners]) => {
          const names = owners.map(({ responseHash }) => ownerKey(shard, responseHash));
          const values = owners.flatMap((owner) => [
            owner.tenantId,
            JSON.stringify(owner),
            owner.expiresAtMs,
            memberOf(owner),
          ]);
          return runScript(redis, putScript, [expiryKey(shard), ...names], values);
        }),
      );
    },
    async findOwner({ responseHash, tenantId, nowMs }) {
      const name = ownerKey(shardOf(responseHash), responseHash);
      const found = asTexts(await redis.call("HVALS", name))
        .map((text) => toRecord(text ?? ""))
        .filter(({ expiresAtMs }) => expiresAtMs > nowMs);
      return found.find((owner) => owner.tenantId === tenantId) ?? found[0];
    },
    async forgetExpired(nowMs, limit) {
      let forgotten = 0;
      for (const shard of shards) {
        if (forgotten >= limit) break;
        forgotten += await forgetIn(redis, shard, { nowMs, limit: limit - forgotten });
      }
      return forgotten;
    },
  };
}

/** Hashes are spread over so many slots of a cluster; each has its own list of what expires when. */
const shards = Array.from({ length: 16 }, (_, digit) => digit.toString(16));

const shardOf = (responseHash: string): string => responseHash.slice(0, 1);
const expiryKey = (shard: string): string => `{ro:${shard}}:e`;
const ownerKey = (shard: string, responseHash: string): string => `{ro:${shard}}:${responseHash}`;
const memberOf = ({ responseHash, tenantId }: OwnerRecord): string => `${responseHash} ${tenantId}`;

async function forgetIn(
  redis: RedisCommands,
  shard: string,
  { nowMs, limit }: { readonly nowMs: number; readonly limit: number },
): Promise<number> {
  const expired = asTexts(
    await redis.call("ZRANGE", expiryKey(shard), "-inf", nowMs, "BYSCORE", "LIMIT", 0, limit),
  ).flatMap((member) => member ?? []);
  if (expired.length === 0) return 0;
  const names = expired.map((member) => ownerKey(shard, hashIn(member)));
  const values = [nowMs, ...expired.flatMap((member) => [member, tenantIn(member)])];
  return Number(await runScript(redis, forgetScript, [expiryKey(shard), ...names], values));
}

const hashIn = (member: string): string => member.slice(0, member.indexOf(" "));
const tenantIn = (member: string): string => member.slice(member.indexOf(" ") + 1);

/** KEYS: expiry, then one hash a record. ARGV: tenant, JSON, expiry and member for each. */
const putScript = `
for at = 1, #KEYS - 1 do
  local value = (at - 1) * 4
  redis.call('HSET', KEYS[at + 1], ARGV[value + 1], ARGV[value + 2])
  redis.call('ZADD', KEYS[1], ARGV[value + 3], ARGV[value + 4])
end
return 1`;

/** What was noted again in between has a later expiry, and stays. */
const forgetScript = `
local forgotten = 0
for at = 1, #KEYS - 1 do
  local member, tenant = ARGV[at * 2], ARGV[at * 2 + 1]
  local expiry = redis.call('ZSCORE', KEYS[1], member)
  if expiry and tonumber(expiry) <= tonumber(ARGV[1]) then
    redis.call('ZREM', KEYS[1], member)
    redis.call('HDEL', KEYS[at + 1], tenant)
    forgotten = forgotten + 1
  end
end
return forgotten`;

const ownerJson = z.object({
  responseHash: z.string(),
  tenantId: z.string(),
  providerName: z.string(),
  model: z.string(),
  keyId: z.string().optional(),
  expiresAtMs: z.number(),
});

function toRecord(text: string): OwnerRecord {
  const { keyId, ...found } = ownerJson.parse(JSON.parse(text));
  return { ...found, keyId };
}
