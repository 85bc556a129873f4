-- Takes an admission back whose answer came too late to be believed: the request was refused meanwhile. Rates stay
-- drawn: they flow back by themselves.
--
-- KEYS  1 running of the tenant, 2 running of the key, 3 holds, 4 hold values, 5… budgets
-- ARGV  1 request id; then the budgets' period ids
local budget_keys = {}
for at = 2, #ARGV do budget_keys[ARGV[at]] = KEYS[3 + at] end
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
release_hold(KEYS[3], KEYS[4], budget_keys, ARGV[1])
return 1
