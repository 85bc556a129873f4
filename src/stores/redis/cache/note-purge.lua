-- Notes when something was purged. Beyond the bound the oldest is known only as "^": answers whose requests began until
-- then are refused, whatever they are.
-- KEYS: purges. ARGV: field, when, how many there may be, milliseconds for which it is kept
local purges = KEYS[1]
local known = redis.call('HGET', purges, ARGV[1])
if not known or tonumber(known) < tonumber(ARGV[2]) then redis.call('HSET', purges, ARGV[1], ARGV[2]) end
if redis.call('HLEN', purges) > tonumber(ARGV[3]) then
  local all = redis.call('HGETALL', purges)
  local oldest, oldestAt
  for at = 1, #all, 2 do
    local when = tonumber(all[at + 1])
    if all[at] ~= '^' and (not oldest or when < oldestAt) then oldest, oldestAt = all[at], when end
  end
  redis.call('HDEL', purges, oldest)
  local floor = tonumber(redis.call('HGET', purges, '^') or 0)
  if oldestAt > floor then redis.call('HSET', purges, '^', string.format('%d', oldestAt)) end
end
redis.call('PEXPIRE', purges, ARGV[4])
return 1
