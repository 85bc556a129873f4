-- The arithmetic of pipeline/limits/gcra.ts, word for word; see there.
local minute_ms = 60000

local function slack_ms(per_minute)
  return math.max(0.001, minute_ms / per_minute / 100)
end

local function drawn(full_at, amount, per_minute, now)
  return math.max(full_at, now) + amount * minute_ms / per_minute
end

local function can_draw(full_at, amount, per_minute, now)
  if amount == 0 then return true end
  if amount > per_minute then return false end
  return drawn(full_at, amount, per_minute, now) - now - minute_ms <= slack_ms(per_minute)
end

local function given_back(full_at, amount, per_minute, now)
  return math.max(now, full_at - amount * minute_ms / per_minute)
end

-- Redis' own time, milliseconds since 1970: to the digits in which it is told, so that who is told of a refusal
-- works out the same.
local function time_ms()
  local time = redis.call('TIME')
  return tonumber(string.format('%.3f', tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000))
end

local function full_at_of(rates_key, field)
  return tonumber(redis.call('HGET', rates_key, field) or 0)
end

-- The hash is there as long as one of its buckets is not full.
local function keep_full_at(rates_key, field, full_at, now)
  redis.call('HSET', rates_key, field, string.format('%.3f', full_at))
  local ttl = math.ceil(full_at - now) + 1000
  if redis.call('PTTL', rates_key) < ttl then redis.call('PEXPIRE', rates_key, ttl + 60000) end
end
