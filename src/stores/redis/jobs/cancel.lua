-- KEYS  1 over, then the jobs
-- ARGV  1 whether those that there are not are remembered as well: 1, or empty   then for each job: id
-- Gives how many there were that were not over.

local cancelled = 0
for at = 2, #ARGV do
  local id, key = ARGV[at], KEYS[at]
  local job = redis.call('HMGET', key, 'k', 'p', 's')
  if job[1] then
    redis.call('ZREM', waiting_key(job[1], job[2]), id)
    redis.call('ZREM', running_key(job[1]), id)
    redis.call('ZREM', dead_key(job[1]), id)
    if job[3] ~= 'x' then add_bytes(key, -1) end
    redis.call('DEL', key)
    redis.call('ZADD', KEYS[1], whole(now_ms()), id)
    cancelled = cancelled + 1
  elseif ARGV[1] == '1' then
    redis.call('ZADD', KEYS[1], 'NX', whole(now_ms()), id)
  end
end
return cancelled
