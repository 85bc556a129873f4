-- Gives back what a request holds, once: there is nothing to give of one that was settled, or expired and was
-- swept. `budget_keys` maps a period's id to its key; of a period that is not among them nothing is read any more.
-- Returns the tokens that were reserved beyond those of its admission.
local function release_hold(holds_key, values_key, budget_keys, id)
  redis.call('ZREM', holds_key, id)
  local places = redis.call('HGET', values_key, id)
  if not places then return 0 end
  local amounts = redis.call('HMGET', values_key, id .. ':n', id .. ':t')
  redis.call('HDEL', values_key, id, id .. ':n', id .. ':t')
  local list = cjson.decode(places)
  -- The amount stays text: as a number it would lose digits when it is printed.
  local given = amounts[1] and amounts[1] ~= '0' and '-' .. amounts[1]
  if given then
    for at = 1, #list, 2 do
      local key = budget_keys[list[at]]
      if key then redis.call('HINCRBY', key, 'h:' .. list[at + 1], given) end
    end
  end
  return tonumber(amounts[2] or 0)
end
