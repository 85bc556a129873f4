-- Prolongs leases of one tenant's requests that still run: many with one call, a few times a minute.
--
-- KEYS  1 holds, 2 running of the tenant, 3… running of its keys
-- ARGV  1 lease ms; then for each lease: request id, whether the tenant's places are limited (1 or 0), which of
--       KEYS has the key's places (0: not limited)
local expiry = string.format('%.3f', time_ms() + tonumber(ARGV[1]))
local touched = {}
for at = 2, #ARGV, 3 do
  local id = ARGV[at]
  -- One that expired and was swept holds nothing any more: its settle will count in full.
  redis.call('ZADD', KEYS[1], 'XX', expiry, id)
  -- A place is taken again where it was lost: the request does run.
  if ARGV[at + 1] == '1' then
    redis.call('ZADD', KEYS[2], expiry, id)
    touched[KEYS[2]] = true
  end
  local key = KEYS[tonumber(ARGV[at + 2])]
  if key then
    redis.call('ZADD', key, expiry, id)
    touched[key] = true
  end
end
for _, key in ipairs(KEYS) do
  if touched[key] then redis.call('PEXPIRE', key, tonumber(ARGV[1]) * 2) end
end
return 1
