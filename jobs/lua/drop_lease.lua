-- Give the lease back, if this clock holds it, so that a standby takes it at once.
--
-- KEYS[1]  ns:clock:lease    KEYS[2]  ns:clock:clocks
-- ARGV[1]  name of the clock
-- Returns 1 when it held the lease.

redis.call('ZREM', KEYS[2], ARGV[1])
if redis.call('HGET', KEYS[1], 'holder') ~= ARGV[1] then return 0 end
return redis.call('DEL', KEYS[1])
