-- Take or renew the lease of the leading clock, and say that this clock is alive.
--
-- KEYS[1]  ns:clock:lease    hash that expires
-- KEYS[2]  ns:clock:fence    counter
-- KEYS[3]  ns:clock:clocks   sorted set
-- ARGV[1]  name of the clock     ARGV[2]  length of the lease (ms)     ARGV[3]  release
-- Returns {fence, or '' when another clock leads; time (ms)}.

local name, length, release = unpack(ARGV)
local clock = redis.call('TIME')
local now = string.format('%.0f', clock[1] * 1000 + math.floor(clock[2] / 1000))
local holder = redis.call('HGET', KEYS[1], 'holder')

redis.call('ZADD', KEYS[3], now, name)
redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', now - 10000)
if not holder then
  redis.call('HSET', KEYS[1], 'holder', name, 'fence', redis.call('INCR', KEYS[2]), 'release', release, 'since', now)
  holder = name
end
if holder ~= name then return {'', now} end
redis.call('HSET', KEYS[1], 'renewed', now)
redis.call('PEXPIRE', KEYS[1], length)
return {redis.call('HGET', KEYS[1], 'fence'), now}
