-- The dead, the latest first.
--
-- KEYS  1 kinds
-- ARGV  1 kind, or empty   2 tenant, or empty   3 how many
-- Gives for each: id, kind, tenant, reason, attempts, round, enqueued, died

-- Of so many of a kind those of one tenant are looked for.
local searched_max = 10000
local limit = tonumber(ARGV[3])
local dead = {}
for _, kind in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  if ARGV[1] == '' or ARGV[1] == kind then
    local found = 0
    local page = 500
    for first = 0, searched_max - 1, page do
      local ids = redis.call('ZRANGE', dead_key(kind), first, first + page - 1, 'REV', 'WITHSCORES')
      for at = 1, #ids, 2 do
        local job = redis.call('HMGET', job_key(ids[at]), 't', 'f', 'a', 'n', 'e')
        if found < limit and job[1] and (ARGV[2] == '' or ARGV[2] == job[1]) then
          found = found + 1
          table.insert(dead, { ids[at], kind, job[1], job[2], job[3], job[4], job[5], ids[at + 1] })
        end
      end
      if found >= limit or #ids < 2 * page then break end
    end
  end
end
table.sort(dead, function(one, other)
  if one[8] ~= other[8] then return tonumber(one[8]) > tonumber(other[8]) end
  return one[1] > other[1]
end)
local first = {}
for at = 1, math.min(limit, #dead) do first[at] = dead[at] end
return first
