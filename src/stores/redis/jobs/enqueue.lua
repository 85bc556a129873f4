-- Adds the jobs that are not known, and moves a journal's mark with them.
--
-- KEYS  1 kinds, 2 over, 3 marks, 4 times of marks; then for each job its own key and its queue
-- ARGV  1 how many may wait   2 how many bytes their payloads may have   3 writer, or empty
--       4 its mark as it has to be, or empty: none   5 the new one
--       then for each job: id, kind, tenant, priority, delay in ms, payload
-- Gives how many were new; -1 if the mark is another: nothing was done; -2 if there is no room.

local writer = ARGV[3]
if writer ~= '' and (redis.call('HGET', KEYS[3], writer) or '') ~= ARGV[4] then return -1 end

local now = now_ms()
local added = 0
if #ARGV > 5 then
  local waiting = 0
  for _, kind in ipairs(redis.call('SMEMBERS', KEYS[1])) do
    for priority = 0, 9 do waiting = waiting + redis.call('ZCARD', waiting_key(kind, priority)) end
  end
  local bytes = tonumber(redis.call('GET', bytes_key) or '0')
  if waiting >= tonumber(ARGV[1]) or bytes >= tonumber(ARGV[2]) then return -2 end
end

for at = 6, #ARGV, 6 do
  local id, kind = ARGV[at], ARGV[at + 1]
  local first = 5 + (at - 6) / 3
  local job, queue = KEYS[first], KEYS[first + 1]
  if redis.call('EXISTS', job) == 0 and not redis.call('ZSCORE', KEYS[2], id) then
    local due = whole(now + tonumber(ARGV[at + 4]))
    redis.call('HSET', job, 'k', kind, 't', ARGV[at + 2], 'p', ARGV[at + 3], 's', 'w', 'b', ARGV[at + 5],
      'e', whole(now), 'd', due, 'a', '0', 'n', '1')
    add_bytes(job, 1)
    redis.call('ZADD', queue, due, id)
    redis.call('SADD', KEYS[1], kind)
    added = added + 1
  end
end

if writer ~= '' then
  redis.call('HSET', KEYS[3], writer, ARGV[5])
  redis.call('ZADD', KEYS[4], whole(now), writer)
end
return added
