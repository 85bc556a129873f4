-- Forgets the entry of one request, and where it has produced an answer all entries that have it.
-- KEYS: entry, answer
-- ARGV: tier, id of the request, what a member must contain …
-- The ids of those that were forgotten.
local tier, id = ARGV[1], ARGV[2]
local shard = string.match(redis.call('GETRANGE', KEYS[2], 0, 4095), '^([^|]*)|')
  or string.match(redis.call('GETRANGE', KEYS[1], 0, 4095), '^%d+|[^|]*|[^|]*|([^|]*)|')
if not shard then return {} end
local forgotten = {}
for _, member in ipairs(redis.call('ZRANGE', tier .. 'h:' .. shard, 0, -1)) do
  local own, answer = string.match(member, '^([^|]*)|([^|]*)|')
  if (own == id or answer == id) and has_all(member, 3) then
    local gone = forget_entry(tier, member)
    table.insert(forgotten, gone)
  end
end
return forgotten
