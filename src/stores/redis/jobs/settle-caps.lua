-- What was used in place of what was reserved; also where what was reserved is gone.
--
-- KEYS  1 the day's caps
-- ARGV  1, 2 nano-dollars and tokens that were used   3, 4 the same less what was reserved   5 how long it is kept, in ms
--       then the caps' ids

local function settle(field, used, change)
  local sum = tonumber(redis.call('HGET', KEYS[1], field) or '0') + tonumber(change)
  if sum < tonumber(used) then
    redis.call('HSET', KEYS[1], field, used)
  else
    redis.call('HINCRBY', KEYS[1], field, change)
  end
end

for at = 6, #ARGV do
  settle('n:' .. ARGV[at], ARGV[1], ARGV[3])
  settle('t:' .. ARGV[at], ARGV[2], ARGV[4])
end
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 0
