-- Extends leases that are still held.
--
-- KEYS  the jobs
-- ARGV  1 lease in ms   then for each job: id, token
-- Gives 1 for each that is held, 0 for each that is not.

local until_ms = whole(now_ms() + tonumber(ARGV[1]))
local held = {}
for at = 2, #ARGV, 2 do
  local kind = kind_if_held(ARGV[at], ARGV[at + 1])
  if kind then redis.call('ZADD', running_key(kind), until_ms, ARGV[at]) end
  table.insert(held, kind and 1 or 0)
end
return held
