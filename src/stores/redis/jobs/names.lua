-- Names of keys, and the time; before each script of this folder. `keys.ts` says what they hold.

local function job_key(id) return '{jobs}:job:' .. id end
local function waiting_key(kind, priority) return '{jobs}:waiting:' .. kind .. ':' .. priority end
local function running_key(kind) return '{jobs}:running:' .. kind end
local function dead_key(kind) return '{jobs}:dead:' .. kind end
local bytes_key = '{jobs}:bytes'

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- As text: Lua prints numbers with 14 digits.
local function whole(number) return string.format('%.0f', number) end

-- A job's payload is (1), or is no more (-1), one of those that wait or run.
local function add_bytes(key, sign)
  redis.call('INCRBY', bytes_key, string.format('%d', sign * redis.call('HSTRLEN', key, 'b')))
end

-- The kind of a job whose lease this is; nil: it was lost.
local function kind_if_held(id, token)
  local job = redis.call('HMGET', job_key(id), 's', 'o', 'k')
  if job[1] == 'r' and job[2] == token then return job[3] end
  return nil
end
