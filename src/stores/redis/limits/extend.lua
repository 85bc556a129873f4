-- Reserves more for a request that runs. Tokens go into debt; money must fit every hard budget, or nothing changes.
--
-- KEYS  1 rates, 2 holds, 3 hold values, 4… budgets
-- ARGV  1 request id   2 lease ms   3 key id   4 tokens   5 nano-dollars
--       6, 7 tokens per minute of tenant and key; 0: no limit
--       then for each hard budget: which key, scope, limit
-- Gives 1 if it is reserved.
local now = time_ms()
if not redis.call('ZSCORE', KEYS[2], ARGV[1]) then return 0 end
for at = 8, #ARGV, 3 do
  local found = redis.call('HMGET', KEYS[3 + tonumber(ARGV[at])], 's:' .. ARGV[at + 1], 'h:' .. ARGV[at + 1])
  local sum = tonumber(found[1] or 0) + tonumber(found[2] or 0) + tonumber(ARGV[5])
  if sum > tonumber(ARGV[at + 2]) then return 0 end
end
for at = 8, #ARGV, 3 do
  redis.call('HINCRBY', KEYS[3 + tonumber(ARGV[at])], 'h:' .. ARGV[at + 1], ARGV[5])
end
redis.call('HINCRBY', KEYS[3], ARGV[1] .. ':n', ARGV[5])
redis.call('ZADD', KEYS[2], string.format('%.3f', now + tonumber(ARGV[2])), ARGV[1])
local tokens = tonumber(ARGV[4])
if tokens > 0 then
  redis.call('HINCRBY', KEYS[3], ARGV[1] .. ':t', ARGV[4])
  for part, scope in ipairs({ '', ARGV[3] }) do
    local per_minute = tonumber(ARGV[5 + part])
    if per_minute > 0 then
      local full_at = drawn(full_at_of(KEYS[1], 't:' .. scope), tokens, per_minute, now)
      keep_full_at(KEYS[1], 't:' .. scope, full_at, now)
    end
  end
end
return 1
