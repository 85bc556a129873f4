-- Checks all limits of one request and reserves, or changes nothing. Runs once per limited request.
--
-- KEYS  1 rates, 2 running of the tenant, 3 running of the key, 4 holds, 5 hold values, 6… budgets
-- ARGV  1 request id   2 not after (Redis' clock, 0: whenever)   3 lease ms   4 key id
--       5 tokens   6 nano-dollars   7 where it is held, JSON, or empty
--       8-10 of the tenant: requests and tokens per minute, concurrent requests; 0: no limit   11-13 of the key
--       14 how many budgets' keys; then for each: period id, ttl ms
--       then for each hard budget: which key, scope, limit
-- Gives  1 admitted, 0 refused, 2 too late; the time; then for tenant and key: when requests and tokens are full
--        again, requests running; then for each hard budget: spent, held. As they are after the admission.
local now = time_ms()
local not_after = tonumber(ARGV[2])
if not_after > 0 and now > not_after then return { 2, string.format('%.3f', now) } end

local id, lease_ms, tokens = ARGV[1], tonumber(ARGV[3]), tonumber(ARGV[5])
local scopes = { '', ARGV[4] }
local budget_count = tonumber(ARGV[14])
local budget_keys = {}
for at = 1, budget_count do budget_keys[ARGV[13 + at * 2]] = KEYS[5 + at] end

-- Leases that nobody renewed: a bounded number each time, more than are made. Who has no budget does not have the keys
-- from which to give back what another of the tenant's keys holds.
if budget_count > 0 then
  for _, expired in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 10)) do
    release_hold(KEYS[4], KEYS[5], budget_keys, expired)
  end
end

local fits = true
local state = {}
local full = redis.call('HMGET', KEYS[1], 'r:', 't:', 'r:' .. ARGV[4], 't:' .. ARGV[4])
for part = 1, 2 do
  local scope = scopes[part]
  local base = 5 + part * 3
  local rpm, tpm, places = tonumber(ARGV[base]), tonumber(ARGV[base + 1]), tonumber(ARGV[base + 2])
  local requests_full, tokens_full, running = 0, 0, 0
  if rpm > 0 then
    requests_full = tonumber(full[part * 2 - 1] or 0)
    fits = can_draw(requests_full, 1, rpm, now) and fits
  end
  if tpm > 0 then
    tokens_full = tonumber(full[part * 2] or 0)
    fits = can_draw(tokens_full, tokens, tpm, now) and fits
  end
  if places > 0 then
    local key = KEYS[1 + part]
    local expired = redis.call('ZRANGEBYSCORE', key, '-inf', now, 'LIMIT', 0, 50)
    if #expired > 0 then redis.call('ZREM', key, unpack(expired)) end
    running = redis.call('ZCOUNT', key, now, '+inf')
    fits = running < places and fits
  end
  state[part] = {
    scope = scope, rpm = rpm, tpm = tpm, places = places,
    requests_full = requests_full, tokens_full = tokens_full, running = running,
  }
end

local first_budget = 15 + budget_count * 2
local sums = {}
for at = first_budget, #ARGV, 3 do
  local key = KEYS[5 + tonumber(ARGV[at])]
  local found = redis.call('HMGET', key, 's:' .. ARGV[at + 1], 'h:' .. ARGV[at + 1])
  local spent, held = found[1] or '0', found[2] or '0'
  sums[#sums + 1] = spent
  sums[#sums + 1] = held
  -- For comparing, numbers are exact enough up to nine million dollars.
  fits = tonumber(spent) + tonumber(held) + tonumber(ARGV[6]) <= tonumber(ARGV[at + 2]) and fits
end

if fits then
  for part = 1, 2 do
    local one = state[part]
    if one.rpm > 0 then
      one.requests_full = drawn(one.requests_full, 1, one.rpm, now)
      keep_full_at(KEYS[1], 'r:' .. one.scope, one.requests_full, now)
    end
    if one.tpm > 0 then
      one.tokens_full = drawn(one.tokens_full, tokens, one.tpm, now)
      keep_full_at(KEYS[1], 't:' .. one.scope, one.tokens_full, now)
    end
    if one.places > 0 then
      redis.call('ZADD', KEYS[1 + part], string.format('%.3f', now + lease_ms), id)
      redis.call('PEXPIRE', KEYS[1 + part], lease_ms * 2)
    end
  end
  if ARGV[7] ~= '' then
    redis.call('ZADD', KEYS[4], string.format('%.3f', now + lease_ms), id)
    redis.call('HSET', KEYS[5], id, ARGV[7], id .. ':n', ARGV[6])
    local at_sum = 2
    for at = first_budget, #ARGV, 3 do
      local index = tonumber(ARGV[at])
      local key = KEYS[5 + index]
      -- What it returns is handed on as the integer that it is.
      sums[at_sum] = redis.call('HINCRBY', key, 'h:' .. ARGV[at + 1], ARGV[6])
      at_sum = at_sum + 2
      local ttl = tonumber(ARGV[14 + index * 2])
      if ttl > 0 and redis.call('PTTL', key) < 0 then redis.call('PEXPIRE', key, ttl) end
    end
  end
end

local reply = { fits and 1 or 0, string.format('%.3f', now) }
for part = 1, 2 do
  local one = state[part]
  reply[#reply + 1] = string.format('%.3f', one.requests_full)
  reply[#reply + 1] = string.format('%.3f', one.tokens_full)
  reply[#reply + 1] = one.running
end
for _, sum in ipairs(sums) do reply[#reply + 1] = sum end
return reply
