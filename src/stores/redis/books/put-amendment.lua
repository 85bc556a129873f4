-- KEYS 1 amendments   ARGV 1 member   2 until when it is of use   3 when the hour's expire; seconds since 1970
-- Gives 1 added, 0 it was there or comes too late.
if tonumber(redis.call('TIME')[1]) >= tonumber(ARGV[2]) then return 0 end
local added = redis.call('ZADD', KEYS[1], 0, ARGV[1])
if added == 1 then redis.call('EXPIREAT', KEYS[1], ARGV[3], 'NX') end
return added
