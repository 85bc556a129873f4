-- Counts what a check found of an answer, if the answer is still there.
-- KEYS: answer, tallies, entries of its shard
-- ARGV: id of the answer, "c" confirmed or "r" refuted
-- How often it was confirmed and refuted; empty: it is gone.
if redis.call('EXISTS', KEYS[1]) == 0 then return {} end
redis.call('HINCRBY', KEYS[2], ARGV[1] .. ':' .. ARGV[2], 1)
redis.call('PEXPIRE', KEYS[2], math.max(1, redis.call('PTTL', KEYS[3])))
local counts = redis.call('HMGET', KEYS[2], ARGV[1] .. ':c', ARGV[1] .. ':r')
return { tonumber(counts[1] or 0), tonumber(counts[2] or 0) }
