-- Deletes the answers of one hour that a purge is about, some at a time.
-- KEYS: index of the hour, sizes
-- ARGV: hour, from which member, to which, how many to look at, prefix of answers, what a member must contain …
-- How many there were, and the member to go on behind; empty: that was all.
local index, sizes, hour = KEYS[1], KEYS[2], ARGV[1]
local members = redis.call('ZRANGE', index, ARGV[2], ARGV[3], 'BYLEX', 'LIMIT', 0, ARGV[4])
local deleted, freed = 0, 0
for _, member in ipairs(members) do
  local isMeant = true
  for at = 6, #ARGV do
    if not string.find(member, ARGV[at], 1, true) then isMeant = false end
  end
  if isMeant then
    local id, key, size = string.match(member, '^([^|]*)|([^|]*)|(%d+)|')
    local value = ARGV[5] .. key
    -- A newer answer may be in its place.
    if redis.call('GETRANGE', value, 0, #id) == id .. '\n' then deleted = deleted + redis.call('UNLINK', value) end
    redis.call('ZREM', index, member)
    freed = freed + tonumber(size)
  end
end
if redis.call('EXISTS', index) == 0 then
  redis.call('HDEL', sizes, hour)
elseif freed > 0 then
  redis.call('HINCRBY', sizes, hour, -freed)
end
if #members < tonumber(ARGV[4]) then return { deleted, '' } end
return { deleted, members[#members] }
