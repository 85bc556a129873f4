-- Counts one record, once: record, index, usage, tags and budgets change together, the lease ends with them, and a
-- replay of any part of it changes nothing. Runs once per request, after it. Follows gcra.lua, holds.lua and
-- settle-lease.lua of the limits, and sums.lua.
--
-- KEYS  1 records, 2 index, 3 usage, 4 tags, 5-8 budgets (day, week, month, total), 9 rates, 10 holds, 11 hold values
-- ARGV  1 request id   2 the record, packed   3 index member
--       4 until when the guard holds   5, 6 when records, and usage, expire; seconds since 1970
--       7 nano-dollars   8 key id, or empty   9 usage field without its sum   10 the same for what is one too many
--       11 what follows the tag in a tag's field   12 Lease.journalled, or empty   13 tokens   14 ended at, ms
--       15-18 period ids   19-22 ttl of each, ms; 0: none
--       23 fields of usage at most   24 tags at most   25 how many sums; then code, amount; then tags
-- Gives 1 counted, 0 it was already, 2 too late to know whether it was. Most of its time goes into calls of Redis,
-- so there are few of them: about 16 and one pair for each tag.

local guard_until = tonumber(ARGV[4])
if tonumber(redis.call('TIME')[1]) >= guard_until then return 2 end
if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local is_first = redis.call('HLEN', KEYS[1]) == 1
-- If the hour had a first one before, what was counted then is no longer known.
if is_first and redis.call('HSETNX', KEYS[3], '!', ARGV[4]) == 0 then
  redis.call('DEL', KEYS[1])
  return 2
end
redis.call('ZADD', KEYS[2], 0, ARGV[3])
if is_first then
  redis.call('EXPIREAT', KEYS[1], ARGV[5])
  redis.call('EXPIREAT', KEYS[2], ARGV[5])
  redis.call('EXPIREAT', KEYS[3], ARGV[6])
end

local last_sum = 25 + tonumber(ARGV[25]) * 2
local function fields_of(prefix)
  local fields = {}
  for at = 26, last_sum, 2 do fields[#fields + 1] = prefix .. ARGV[at] end
  return fields
end
local function add(key, fields, before)
  if not before[1] then widen(key) end
  local written = {}
  for index, field in ipairs(fields) do
    written[index * 2 - 1] = field
    written[index * 2] = plus(before[index] or '0', ARGV[25 + index * 2])
  end
  redis.call('HSET', key, unpack(written))
end

-- The first sum is that of requests: every field that was ever added to has one.
local fields = fields_of(ARGV[9])
local before = redis.call('HMGET', KEYS[3], unpack(fields))
if not before[1] and redis.call('HLEN', KEYS[3]) >= tonumber(ARGV[23]) then
  fields = fields_of(ARGV[10])
  before = redis.call('HMGET', KEYS[3], unpack(fields))
end
add(KEYS[3], fields, before)

-- Tags beyond the first of the day are one tag, in which a request is once.
local function has_a_place(tag)
  if redis.call('HEXISTS', KEYS[4], '?' .. tag) == 1 then return true end
  if tonumber(redis.call('HGET', KEYS[4], '#') or 0) >= tonumber(ARGV[24]) then return false end
  redis.call('HSET', KEYS[4], '?' .. tag, 1)
  if redis.call('HINCRBY', KEYS[4], '#', 1) == 1 then redis.call('EXPIREAT', KEYS[4], ARGV[6]) end
  return true
end
local is_in_other = false
for at = last_sum + 1, #ARGV do
  fields = fields_of(ARGV[at] .. ARGV[11])
  before = redis.call('HMGET', KEYS[4], unpack(fields))
  if before[1] or has_a_place(ARGV[at]) then
    add(KEYS[4], fields, before)
  elseif not is_in_other then
    is_in_other = true
    fields = fields_of('_other' .. ARGV[11])
    add(KEYS[4], fields, redis.call('HMGET', KEYS[4], unpack(fields)))
  end
end

local cost = ARGV[7]
local budget_keys = {}
for at = 1, 4 do
  local key = KEYS[4 + at]
  budget_keys[ARGV[14 + at]] = key
  if cost ~= '0' then
    local spent = redis.call('HINCRBY', key, 's:', cost)
    if ARGV[8] ~= '' and redis.call('HINCRBY', key, 's:' .. ARGV[8], cost) == tonumber(cost) then
      widen(key)
    end
    -- The first that was spent. (What it returns may have lost digits: then it is a larger sum for certain.)
    if spent == tonumber(cost) and ARGV[18 + at] ~= '0' then
      redis.call('PEXPIRE', key, ARGV[18 + at], 'NX')
    end
  end
end
if ARGV[12] ~= '' then
  settle_lease(KEYS[9], KEYS[10], KEYS[11], budget_keys, ARGV[1], ARGV[12], tonumber(ARGV[13]), tonumber(ARGV[14]))
end
return 1
