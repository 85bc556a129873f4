-- For the sink's script, after gcra.lua and holds.lua: ends a lease when the journal's record of its request has
-- come. Call it once for each request, behind the guard against settling twice, and add what was spent in the same
-- script.
--
--   rates_key, holds_key, values_key   {t}:q, {t}:h, {t}:hv
--   budget_keys  the ids of the periods of the request's start -> their keys ({t}:b:<period>)
--   id           the request's
--   note         Lease.journalled: JSON of keys.ts, LeaseNote
--   used         tokens, as a number
--   ended_at     when the request ended, milliseconds since 1970: a record may come long after
local function settle_lease(rates_key, holds_key, values_key, budget_keys, id, note, used, ended_at)
  local more = release_hold(holds_key, values_key, budget_keys, id)
  local lease = cjson.decode(note)
  if lease.a == 0 then return end
  local now = time_ms()
  local reserved = lease.t + more
  local late = math.max(0, now - ended_at)
  local held = math.max(0, now - lease.a)
  for at, scope in ipairs({ '', lease.k }) do
    local per_minute = lease.r[at]
    if per_minute > 0 then
      local field = 't:' .. scope
      -- What has flowed back since it was used, or while it was held, is not counted a second time.
      local debit = used - reserved - per_minute * late / minute_ms
      local credit = reserved - used - per_minute * held / minute_ms
      if debit > 0 then
        local full_at = drawn(full_at_of(rates_key, field), debit, per_minute, now)
        keep_full_at(rates_key, field, full_at, now)
      elseif credit > 0 then
        local full_at = given_back(full_at_of(rates_key, field), credit, per_minute, now)
        keep_full_at(rates_key, field, full_at, now)
      end
    end
  end
end
