-- Save what is known of a file; bytes and description expire together.
--
-- KEYS[1]  ns:file:<id>   hash   KEYS[2]  ns:file:<id>:data
-- ARGV[1]  how long both are kept (s)   ARGV[2..]  fields and values

redis.call('HSET', KEYS[1], unpack(ARGV, 2))
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
