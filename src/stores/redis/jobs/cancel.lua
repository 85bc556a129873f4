-- KEYS  1 the job, 2 over
-- ARGV  1 id
-- Gives 1; 0 if there is none, or it is over.

local id = ARGV[1]
local job = redis.call('HMGET', KEYS[1], 'k', 'p', 's')
if not job[1] then return 0 end
redis.call('ZREM', waiting_key(job[1], job[2]), id)
redis.call('ZREM', running_key(job[1]), id)
redis.call('ZREM', dead_key(job[1]), id)
if job[3] ~= 'x' then add_bytes(KEYS[1], -1) end
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], whole(now_ms()), id)
return 1
