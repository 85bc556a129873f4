-- Decimal text, exact at any size: one of Lua's numbers would lose digits beyond 2^53, and prints fewer.
local function plus(left, right)
  if #left < 16 and #right < 16 then
    return string.format('%.0f', tonumber(left) + tonumber(right))
  end
  local low = tonumber(string.sub(left, -15)) + tonumber(string.sub(right, -15))
  local high = (tonumber(string.sub(left, 1, -16)) or 0) + (tonumber(string.sub(right, 1, -16)) or 0)
  if low >= 1e15 then
    low = low - 1e15
    high = high + 1
  end
  return string.format('%.0f%015.0f', high, low)
end

-- Redis searches a small hash from its beginning to its end, and calls one of 512 fields small. A value of more than
-- 64 bytes makes it a real one: for those that grow, and not for the many that stay small and are kept for long.
local function widen(key)
  if redis.call('HLEN', key) > 64 then redis.call('HSETNX', key, '^', string.rep('^', 65)) end
end
