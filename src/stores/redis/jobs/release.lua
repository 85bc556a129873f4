-- Jobs that were not tried wait again, as long as before.
--
-- KEYS  the jobs
-- ARGV  for each job: id, token
-- Gives how many were held.

local released = 0
for at = 1, #ARGV, 2 do
  local id = ARGV[at]
  local kind = kind_if_held(id, ARGV[at + 1])
  if kind then
    local key = KEYS[(at + 1) / 2]
    local job = redis.call('HMGET', key, 'p', 'd')
    redis.call('ZREM', running_key(kind), id)
    redis.call('HDEL', key, 'o', 'w')
    redis.call('HINCRBY', key, 'a', -1)
    redis.call('HSET', key, 's', 'w')
    redis.call('ZADD', waiting_key(kind, job[1]), job[2], id)
    released = released + 1
  end
end
return released
