-- KEYS  1 kinds
-- Gives for each kind: kind, waiting, delayed, running, dead, age of the oldest in ms or -1

local now = now_ms()
-- Of so many running jobs the one that was due first is looked for; workers run far fewer.
local running_max = 1000
local counts = {}
for _, kind in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local waiting, delayed, first = 0, 0, nil
  for priority = 0, 9 do
    local queue = waiting_key(kind, priority)
    waiting = waiting + redis.call('ZCARD', queue)
    delayed = delayed + redis.call('ZCOUNT', queue, '(' .. whole(now), '+inf')
    local due = tonumber(redis.call('ZRANGE', queue, 0, 0, 'WITHSCORES')[2])
    if due and (not first or due < first) then first = due end
  end
  for _, id in ipairs(redis.call('ZRANGE', running_key(kind), 0, running_max - 1)) do
    local due = tonumber(redis.call('HGET', job_key(id), 'd'))
    if due and (not first or due < first) then first = due end
  end
  local oldest = -1
  if first and first <= now then oldest = now - first end
  table.insert(counts, { kind, waiting, delayed, redis.call('ZCARD', running_key(kind)),
    redis.call('ZCARD', dead_key(kind)), oldest })
end
return counts
