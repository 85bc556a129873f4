import { keys } from "./keys.ts";

/** Every key that a script of this file may touch, in the order of the names that each script begins with. */
export const allKeys = (tenantId: string): readonly string[] => [
  keys.tenants,
  keys.tenantsByAge,
  keys.keys,
  keys.keyIdsByHash,
  keys.hashesByKeyId,
  keys.tenantsByKeyId,
  keys.lastUsedDays,
  keys.keysByAge,
  keys.keysOf(tenantId),
  keys.deletedTenants,
];

const names = `
local tenants, tenantsByAge, keys, idsByHash, hashes, tenantOf, days, keysByAge, keysOf, deleted =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7], KEYS[8], KEYS[9], KEYS[10]
`;

/** What makes a key is, in this order: id, hash, JSON, its member by age, tenant, day of last use or "". */
const makingKeys = `
local function isKeyTaken(at)
  return redis.call('HEXISTS', keys, ARGV[at]) == 1 or redis.call('HEXISTS', idsByHash, ARGV[at + 1]) == 1
end
local function makeKey(at)
  local id, hash, json, member, tenant, day =
    ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5]
  redis.call('HSET', keys, id, json)
  redis.call('HSET', idsByHash, hash, id)
  redis.call('HSET', hashes, id, hash)
  redis.call('HSET', tenantOf, id, tenant)
  if day ~= '' then redis.call('HSET', days, id, day) end
  redis.call('ZADD', keysByAge, 0, member)
  redis.call('ZADD', keysOf, 0, member)
end
`;

/** ARGV: tenant id, JSON, member by age, and a key where there is a first one. 1: made, 0: taken. */
export const createTenant = `${names}${makingKeys}
if redis.call('HEXISTS', tenants, ARGV[1]) == 1 then return 0 end
if redis.call('SISMEMBER', deleted, ARGV[1]) == 1 then return 0 end
if #ARGV > 3 and isKeyTaken(4) then return 0 end
redis.call('HSET', tenants, ARGV[1], ARGV[2])
redis.call('ZADD', tenantsByAge, 0, ARGV[3])
if #ARGV > 3 then makeKey(4) end
return 1`;

/** ARGV: a key. 1: made, 0: taken, -1: there is no such tenant. */
export const createKey = `${names}${makingKeys}
if redis.call('HEXISTS', tenants, ARGV[5]) == 0 then return -1 end
if isKeyTaken(1) then return 0 end
makeKey(1)
return 1`;

/** ARGV: the successor, the id of the key before it, its JSON as it was read, its JSON from now on. -1: read it again. */
export const rotateKey = `${names}${makingKeys}
if redis.call('HGET', keys, ARGV[7]) ~= ARGV[8] then return -1 end
if isKeyTaken(1) or redis.call('HEXISTS', tenants, ARGV[5]) == 0 then return 0 end
redis.call('HSET', keys, ARGV[7], ARGV[9])
makeKey(1)
return 1`;

/** ARGV: tenant id; 1 if nobody may have it again. */
export const deleteTenant = `${names}
local id = ARGV[1]
local json = redis.call('HGET', tenants, id)
if not json then return 0 end
redis.call('HDEL', tenants, id)
if ARGV[2] == '1' then redis.call('SADD', deleted, id) end
for _, member in ipairs(redis.call('ZRANGE', tenantsByAge, 0, -1)) do
  if string.sub(member, 17) == id then redis.call('ZREM', tenantsByAge, member) end
end
for _, member in ipairs(redis.call('ZRANGE', keysOf, 0, -1)) do
  local keyId = string.sub(member, 17)
  local hash = redis.call('HGET', hashes, keyId)
  if hash then redis.call('HDEL', idsByHash, hash) end
  redis.call('HDEL', keys, keyId)
  redis.call('HDEL', hashes, keyId)
  redis.call('HDEL', tenantOf, keyId)
  redis.call('HDEL', days, keyId)
  redis.call('ZREM', keysByAge, member)
end
redis.call('DEL', keysOf)
return 1`;

/** ARGV: a key's hash. Its JSON, its day of last use, its tenant's JSON. */
export const findKey = `${names}
local id = redis.call('HGET', idsByHash, ARGV[1])
if not id then return { false, false, false } end
local tenant = redis.call('HGET', tenantOf, id)
return {
  redis.call('HGET', keys, id),
  redis.call('HGET', days, id),
  tenant and redis.call('HGET', tenants, tenant),
}`;

/** ARGV: a key's id. */
export const getKey = `${names}
return { redis.call('HGET', keys, ARGV[1]), redis.call('HGET', days, ARGV[1]) }`;

/** ARGV: key ids and days in turn. An earlier day than the noted one changes nothing. */
export const touchKeys = `${names}
for at = 1, #ARGV, 2 do
  local day = redis.call('HGET', days, ARGV[at])
  if redis.call('HEXISTS', keys, ARGV[at]) == 1 and (not day or day < ARGV[at + 1]) then
    redis.call('HSET', days, ARGV[at], ARGV[at + 1])
  end
end
return 1`;

/** KEYS: a hash. ARGV: field, its value as it was read, its value from now on. 0: it has changed in between. */
export const replace = `
if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1`;
