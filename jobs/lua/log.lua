-- Append one line to a job's log.
--
-- KEYS[1]  ns:log:<id>   list
-- ARGV[1]  the line      ARGV[2]  most lines, the newest are kept     ARGV[3]  how long from now on (s)

redis.call('RPUSH', KEYS[1], ARGV[1])
redis.call('LTRIM', KEYS[1], -ARGV[2], -1)
redis.call('EXPIRE', KEYS[1], ARGV[3])
