-- A job was tried and failed: it waits again, or is dead.
--
-- KEYS  1 the job
-- ARGV  1 id   2 token   3 reason   4 when to try again, in ms, or empty: never
-- Gives 1; 0 if the lease was lost.

local id = ARGV[1]
local kind = kind_if_held(id, ARGV[2])
if not kind then return 0 end
local now = now_ms()
redis.call('ZREM', running_key(kind), id)
redis.call('HDEL', KEYS[1], 'o', 'w')
if ARGV[4] == '' then
  redis.call('HSET', KEYS[1], 's', 'x', 'f', ARGV[3])
  redis.call('ZADD', dead_key(kind), whole(now), id)
  add_bytes(KEYS[1], -1)
else
  local due = whole(now + tonumber(ARGV[4]))
  redis.call('HSET', KEYS[1], 's', 'w', 'd', due)
  redis.call('ZADD', waiting_key(kind, redis.call('HGET', KEYS[1], 'p')), due, id)
end
return 1
