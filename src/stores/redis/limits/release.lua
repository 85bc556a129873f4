-- Gives places among concurrent requests back: at once when a request ends.
--
-- KEYS  1 running of the tenant, 2 running of the key      ARGV  1 request id
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('ZREM', KEYS[2], ARGV[1])
return 1
