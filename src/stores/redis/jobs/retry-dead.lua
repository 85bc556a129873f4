-- A dead job waits again, in its next round.
--
-- KEYS  1 the job
-- ARGV  1 id
-- Gives 1; 0 if no such job is dead.

local id = ARGV[1]
local job = redis.call('HMGET', KEYS[1], 's', 'k', 'p')
if job[1] ~= 'x' then return 0 end
local now = whole(now_ms())
redis.call('ZREM', dead_key(job[2]), id)
redis.call('HDEL', KEYS[1], 'f')
redis.call('HINCRBY', KEYS[1], 'n', 1)
redis.call('HSET', KEYS[1], 's', 'w', 'd', now, 'a', '0')
redis.call('ZADD', waiting_key(job[2], job[3]), now, id)
add_bytes(KEYS[1], 1)
return 1
