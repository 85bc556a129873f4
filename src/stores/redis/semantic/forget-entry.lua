-- Shared by the scripts of the semantic tier. `tier` is what all keys of a tenant's tier begin with (`keys.ts`).

-- An answer goes with the last entry that has it. Gives how many bytes that freed.
local function release_answer(tier, answer, shard)
  local refs = tier .. 'r'
  if redis.call('HINCRBY', refs, answer .. ':n', -1) > 0 then return 0 end
  local weight = tonumber(redis.call('HGET', refs, answer .. ':w') or 0)
  redis.call('HDEL', refs, answer .. ':n', answer .. ':w')
  redis.call('HDEL', tier .. 't:' .. shard, answer .. ':c', answer .. ':r')
  redis.call('UNLINK', tier .. 'a:' .. answer)
  return weight
end

-- Gives the id of the entry that a member names, and how many bytes it freed.
local function forget_entry(tier, member)
  local id, answer, shard, weight = string.match(member, '^([^|]*)|([^|]*)|([^|]*)|(%d+)|')
  redis.call('UNLINK', tier .. 'e:' .. id)
  redis.call('ZREM', tier .. 'i', member)
  redis.call('ZREM', tier .. 'h:' .. shard, member)
  local freed = tonumber(weight) + release_answer(tier, answer, shard)
  redis.call('DECRBY', tier .. 'b', freed)
  return id, freed
end

-- What was asked of a purge, all of it: `needles` of ARGV, from `from` on.
local function has_all(member, from)
  for at = from, #ARGV do
    if not string.find(member, ARGV[at], 1, true) then return false end
  end
  return true
end
