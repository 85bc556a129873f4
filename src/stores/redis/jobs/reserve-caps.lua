-- Reserves under all caps of a day, or under none.
--
-- KEYS  1 the day's caps
-- ARGV  1 nano-dollars   2 tokens   3 how long it is kept, in ms   then for each cap: id, most nano-dollars, most tokens;
--       empty: without limit
-- Gives 0, or which cap has no room, from 1. Sums are exact up to 2^53: nine million dollars a day.

local function has_room(field, amount, most)
  if most == '' then return true end
  local sum = tonumber(redis.call('HGET', KEYS[1], field) or '0')
  return sum + tonumber(amount) <= tonumber(most)
end

for at = 4, #ARGV, 3 do
  if not has_room('n:' .. ARGV[at], ARGV[1], ARGV[at + 1]) or not has_room('t:' .. ARGV[at], ARGV[2], ARGV[at + 2]) then
    return (at - 4) / 3 + 1
  end
end
for at = 4, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[1], 'n:' .. ARGV[at], ARGV[1])
  redis.call('HINCRBY', KEYS[1], 't:' .. ARGV[at], ARGV[2])
end
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return 0
