-- KEYS 1 payloads   ARGV 1 request id
-- Gives 1 if there was one. Its place stays, empty, so that a replay does not bring it back.
local found = redis.call('HSTRLEN', KEYS[1], ARGV[1])
if found == 0 then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], '')
redis.call('HINCRBY', KEYS[1], '#', -found)
return 1
