-- Takes the jobs that are due: those that wait, and those whose lease is over.
--
-- KEYS  for each kind: those that run, then the queues of the priorities 0 to 9
-- ARGV  1 token   2 worker   3 lease in ms   4 how many   then the kinds
-- Gives for each: id, kind, tenant, priority, payload, attempt, round, enqueued

local now = now_ms()
local limit = tonumber(ARGV[4])
-- So many leases that are over are looked at, at most.
local expired_max = 1000

-- By priority, what can be claimed: {id, kind, due, from which set}.
local due_by_priority = {}
for priority = 0, 9 do due_by_priority[priority] = {} end

local function key_of(at, priority) return KEYS[(at - 5) * 11 + 2 + priority] end

for at = 5, #ARGV do
  local running = key_of(at, -1)
  for _, id in ipairs(redis.call('ZRANGE', running, '-inf', whole(now), 'BYSCORE', 'LIMIT', 0, expired_max)) do
    local job = redis.call('HMGET', job_key(id), 'p', 'd')
    if job[1] then
      table.insert(due_by_priority[tonumber(job[1])], { id = id, kind = ARGV[at], due = tonumber(job[2]) })
    else
      redis.call('ZREM', running, id)
    end
  end
end

local taken = {}
local function take(found, priority)
  local key = job_key(found.id)
  local job = redis.call('HMGET', key, 't', 'b', 'n', 'e')
  if found.queue then redis.call('ZREM', found.queue, found.id) end
  if not job[1] then return end
  local attempt = redis.call('HINCRBY', key, 'a', 1)
  redis.call('HSET', key, 's', 'r', 'o', ARGV[1], 'w', ARGV[2])
  redis.call('ZADD', running_key(found.kind), whole(now + tonumber(ARGV[3])), found.id)
  table.insert(taken, { found.id, found.kind, job[1], priority, job[2], attempt, job[3], job[4] })
end

for priority = 9, 0, -1 do
  local left = limit - #taken
  if left <= 0 then break end
  local due = due_by_priority[priority]
  for at = 5, #ARGV do
    local queue = key_of(at, priority)
    local found = redis.call('ZRANGE', queue, '-inf', whole(now), 'BYSCORE', 'LIMIT', 0, left, 'WITHSCORES')
    for index = 1, #found, 2 do
      table.insert(due, { id = found[index], kind = ARGV[at], due = tonumber(found[index + 1]), queue = queue })
    end
  end
  table.sort(due, function(one, other)
    if one.due ~= other.due then return one.due < other.due end
    return one.id < other.id
  end)
  for index = 1, math.min(left, #due) do take(due[index], priority) end
end
return taken
