-- Adds one amendment, once: the first word of its id is the one that is kept, and counted if it is a judge's or a
-- person's. Follows sums.lua.
--
-- KEYS  1 amendments, 2 records, 3 index, 4 usage, 5 judge
-- ARGV  1 member   2 amendment id   3 until when the guard holds   4, 5 when records, and sums, expire; seconds since 1970
--       Where it is counted: 6, 7 what stands in a field before and after the evaluator   8, 9 the same for what is one
--       field too many   10 evaluator, or empty   11 evaluators at most   12 fields at most   then code, amount
-- Gives 1 added, 0 its id was there, 2 too late to know whether it was.
if tonumber(redis.call('TIME')[1]) >= tonumber(ARGV[3]) then return 2 end
-- Among the records, empty: what guards those, and is in the backups, guards this.
if redis.call('HSETNX', KEYS[2], ARGV[2], '') == 0 then return 0 end
if redis.call('HLEN', KEYS[2]) == 1 then
  -- If the hour had a first one before, what was counted then is no longer known.
  if redis.call('HSETNX', KEYS[4], '!', ARGV[3]) == 0 then
    redis.call('DEL', KEYS[2])
    return 2
  end
  redis.call('EXPIREAT', KEYS[2], ARGV[4])
  redis.call('EXPIREAT', KEYS[4], ARGV[5])
  -- The hour's first record will find that it is not the first, and leave the index as it is. This sorts before all ids.
  redis.call('ZADD', KEYS[3], 0, '!')
  redis.call('EXPIREAT', KEYS[3], ARGV[4])
end
redis.call('ZADD', KEYS[1], 0, ARGV[1])
redis.call('EXPIREAT', KEYS[1], ARGV[4], 'NX')
if #ARGV == 5 then return 1 end

-- Evaluators beyond the first of the day are one.
local judge = KEYS[5]
local is_first_of_day = redis.call('EXISTS', judge) == 0
local evaluator = ARGV[10]
if evaluator ~= '' and redis.call('HEXISTS', judge, '?' .. evaluator) == 0 then
  if tonumber(redis.call('HGET', judge, '#') or 0) >= tonumber(ARGV[11]) then
    evaluator = '_other'
  else
    redis.call('HSET', judge, '?' .. evaluator, 1)
    redis.call('HINCRBY', judge, '#', 1)
  end
end

local function fields_of(before, after)
  local fields = {}
  for at = 13, #ARGV, 2 do fields[#fields + 1] = before .. evaluator .. after .. ARGV[at] end
  return fields, redis.call('HMGET', judge, unpack(fields))
end
local function is_there(values)
  for index = 1, #values do
    if values[index] then return true end
  end
  return false
end
local fields, before = fields_of(ARGV[6], ARGV[7])
if not is_there(before) and redis.call('HLEN', judge) >= tonumber(ARGV[12]) then
  fields, before = fields_of(ARGV[8], ARGV[9])
end
if not is_there(before) then widen(judge) end
local written = {}
for index, field in ipairs(fields) do
  written[index * 2 - 1] = field
  written[index * 2] = plus(before[index] or '0', ARGV[12 + index * 2])
end
redis.call('HSET', judge, unpack(written))
if is_first_of_day then redis.call('EXPIREAT', judge, ARGV[5]) end
return 1
