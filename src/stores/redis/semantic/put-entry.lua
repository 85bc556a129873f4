-- Keeps an entry, and its answer with it where that is not there yet, unless it was purged since its request began.
-- KEYS: entry, answer, purges, index, bytes, refs, entries of its shard
-- ARGV: tier, entry's bytes, its id, its answer's id, its shard, its weight, its milliseconds,
--       the answer's line and bytes (both empty: an alias), its weight, its milliseconds,
--       now, when the request began, most bytes of the tenant, most entries of the shard,
--       id of the entry that it replaces (empty: none), fields of purges …
-- 1: kept, 0: purged, or an alias of an answer that is gone, or there already, -1: no room
local entry, answer, purges, index, bytes, refs, entries =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local tier, id, answer_id, shard = ARGV[1], ARGV[3], ARGV[4], ARGV[5]
local weight, lasts, line = tonumber(ARGV[6]), tonumber(ARGV[7]), ARGV[8]
local replaced = ARGV[16]
local now, begun, most, entries_max = tonumber(ARGV[12]), tonumber(ARGV[13]), tonumber(ARGV[14]), tonumber(ARGV[15])

if redis.call('EXISTS', purges) == 1 then
  for _, at in ipairs(redis.call('HMGET', purges, '^', unpack(ARGV, 17))) do
    if at and tonumber(at) >= begun then return 0 end
  end
end
if redis.call('EXISTS', entry) == 1 then return 0 end

local answer_left = redis.call('PTTL', answer)
local is_new = answer_left <= 0
local need = weight
if is_new then
  if line == '' then return 0 end
  answer_left = tonumber(ARGV[11])
  need = need + tonumber(ARGV[10])
else
  -- What its answer is found by, its aliases are found by.
  line = string.match(redis.call('GETRANGE', answer, 0, 2047), '^([^\n]*)\n')
    or string.match(redis.call('GET', answer), '^([^\n]*)\n')
  if string.sub(line, 1, #shard + 1) ~= shard .. '|' then return 0 end
end
-- None outlives its answer.
if lasts > answer_left then lasts = answer_left end
local member = id .. '|' .. answer_id .. '|' .. shard .. '|' .. weight .. string.sub(line, #shard + 1)

if redis.call('EXISTS', index) == 0 then redis.call('DEL', bytes, refs) end
-- From here on nobody takes its answer away.
redis.call('HINCRBY', refs, answer_id .. ':n', 1)
for _, over in ipairs(redis.call('ZRANGE', index, '-inf', now, 'BYSCORE', 'LIMIT', 0, 16)) do
  forget_entry(tier, over)
end
local beyond = math.min(redis.call('ZCARD', entries) + 1 - entries_max, 64)
if beyond > 0 then
  for _, oldest in ipairs(redis.call('ZRANGE', entries, 0, beyond - 1)) do forget_entry(tier, oldest) end
end
local total = tonumber(redis.call('GET', bytes) or 0)
if total + need > most then
  for _, next_over in ipairs(redis.call('ZRANGE', index, 0, 63)) do
    local _, freed = forget_entry(tier, next_over)
    total = total - freed
    if total + need <= most then break end
  end
  if total + need > most then
    local freed = release_answer(tier, answer_id, shard)
    redis.call('DECRBY', bytes, freed)
    return -1
  end
end

if is_new then
  redis.call('SET', answer, line .. '\n' .. ARGV[9], 'PX', answer_left)
  redis.call('HSET', refs, answer_id .. ':w', ARGV[10])
end
local until_ms = string.format('%013d', now + lasts)
redis.call('SET', entry, until_ms .. '|' .. member .. '\n' .. ARGV[2], 'PX', lasts)
redis.call('ZADD', index, until_ms, member)
redis.call('ZADD', entries, 0, member)
redis.call('INCRBY', bytes, need)
local old = replaced ~= '' and replaced ~= id and redis.call('GET', tier .. 'e:' .. replaced)
if old then
  local old_member = string.match(old, '^%d+|([^\n]*)\n')
  if string.match(old_member, '^[^|]*|[^|]*|([^|]*)|') == shard then forget_entry(tier, old_member) end
end
-- The last answer to be over keeps what they have in common: until then there is somebody to let go of it.
for _, shared in ipairs({ index, bytes, refs, entries }) do
  redis.call('PEXPIRE', shared, answer_left, 'NX')
  redis.call('PEXPIRE', shared, answer_left, 'GT')
end
return 1
