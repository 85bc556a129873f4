-- Forgets what has been over for long enough.
--
-- KEYS  1 kinds, 2 over, 3 marks, 4 times of marks
-- ARGV  1, 2 for how long what is over, and what is dead, is kept   3 marks likewise   4 how many of each at once
--       5 how many of a kind may be dead: the oldest of the others are cancelled
-- Gives how many jobs.

local now = now_ms()
local function older_than(key, kept_ms)
  return redis.call('ZRANGE', key, '-inf', '(' .. whole(now - tonumber(kept_ms)), 'BYSCORE', 'LIMIT', 0, ARGV[4])
end

local pruned = 0
for _, id in ipairs(older_than(KEYS[2], ARGV[1])) do
  redis.call('ZREM', KEYS[2], id)
  pruned = pruned + 1
end
for _, kind in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  for _, id in ipairs(older_than(dead_key(kind), ARGV[2])) do
    redis.call('ZREM', dead_key(kind), id)
    redis.call('DEL', job_key(id))
    pruned = pruned + 1
  end
  local surplus = math.min(redis.call('ZCARD', dead_key(kind)) - tonumber(ARGV[5]), tonumber(ARGV[4]))
  if surplus > 0 then
    for _, id in ipairs(redis.call('ZRANGE', dead_key(kind), 0, surplus - 1)) do
      redis.call('ZREM', dead_key(kind), id)
      redis.call('DEL', job_key(id))
      redis.call('ZADD', KEYS[2], whole(now), id)
      pruned = pruned + 1
    end
  end
end
for _, writer in ipairs(older_than(KEYS[4], ARGV[3])) do
  redis.call('ZREM', KEYS[4], writer)
  redis.call('HDEL', KEYS[3], writer)
end
return pruned
