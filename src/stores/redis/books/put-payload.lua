-- KEYS 1 payloads   ARGV 1 request id   2 packed   3 when the hour's expire, seconds since 1970   4 bytes at most
-- Gives 1 added, 0 it was there, was erased or comes too late, 2 there is no room.
if tonumber(redis.call('TIME')[1]) >= tonumber(ARGV[3]) then return 0 end
if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 0 end
local bytes = #ARGV[2]
if tonumber(redis.call('HGET', KEYS[1], '#') or 0) + bytes > tonumber(ARGV[4]) then return 2 end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('HINCRBY', KEYS[1], '#', bytes)
redis.call('EXPIREAT', KEYS[1], ARGV[3], 'NX')
return 1
