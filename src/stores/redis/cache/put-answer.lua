-- Keeps an answer, unless it was purged since its request began or there is no room for it.
-- KEYS: answer, purges, sizes, index of its hour
-- ARGV: value, its milliseconds, member, its hour, this hour, weight, the tenant's most bytes, when its request began,
--       milliseconds until its hour is over, prefix of indexes, prefix of answers, fields of purges …
-- 1: kept, 0: purged, -1: no room
local answer, purges, sizes, index = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local member, hour, thisHour = ARGV[3], ARGV[4], tonumber(ARGV[5])
local weight, most, begun = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

if redis.call('EXISTS', purges) == 1 then
  for _, at in ipairs(redis.call('HMGET', purges, '^', unpack(ARGV, 12))) do
    if at and tonumber(at) >= begun then return 0 end
  end
end

-- What all answers weigh, and their hours, the next to be over first. An hour that is over is gone by itself, but for this.
local total, hours = 0, {}
local known = redis.call('HGETALL', sizes)
for at = 1, #known, 2 do
  local each = tonumber(known[at])
  if each < thisHour then
    redis.call('HDEL', sizes, known[at])
  else
    total = total + tonumber(known[at + 1])
    table.insert(hours, each)
  end
end

if total + weight > most then
  table.sort(hours)
  local left = 64
  for _, each in ipairs(hours) do
    local name = ARGV[10] .. string.format('%d', each)
    for _, oldest in ipairs(redis.call('ZRANGE', name, 0, left - 1)) do
      if total + weight <= most or left == 0 then break end
      left = left - 1
      local id, key, size = string.match(oldest, '^([^|]*)|([^|]*)|(%d+)|')
      local value = ARGV[11] .. key
      if redis.call('GETRANGE', value, 0, #id) == id .. '\n' then redis.call('UNLINK', value) end
      redis.call('ZREM', name, oldest)
      redis.call('HINCRBY', sizes, each, -size)
      total = total - tonumber(size)
    end
    if redis.call('EXISTS', name) == 0 then redis.call('HDEL', sizes, each) end
    if total + weight <= most or left == 0 then break end
  end
  if total + weight > most then return -1 end
end

redis.call('SET', answer, ARGV[1], 'PX', ARGV[2])
if redis.call('ZADD', index, 0, member) == 1 then redis.call('HINCRBY', sizes, hour, weight) end
redis.call('PEXPIRE', index, ARGV[9])
-- The last hour to be over keeps the sizes.
redis.call('PEXPIRE', sizes, ARGV[9], 'NX')
redis.call('PEXPIRE', sizes, ARGV[9], 'GT')
return 1
