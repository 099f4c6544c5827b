-- Put bytes into a file; the expiry is set at once, so that an upload that breaks off leaves nothing.
--
-- KEYS[1]  ns:file:<id>:data
-- ARGV[1]  offset   ARGV[2]  bytes   ARGV[3]  how long they are kept (s)

redis.call('SETRANGE', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
