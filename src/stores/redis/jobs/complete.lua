-- A job is done: what is left of it is its id.
--
-- KEYS  1 the job, 2 over
-- ARGV  1 id   2 token
-- Gives 1; 0 if the lease was lost.

local kind = kind_if_held(ARGV[1], ARGV[2])
if not kind then return 0 end
redis.call('ZREM', running_key(kind), ARGV[1])
add_bytes(KEYS[1], -1)
redis.call('DEL', KEYS[1])
redis.call('ZADD', KEYS[2], whole(now_ms()), ARGV[1])
return 1
