-- Take one of a number of calls that are allowed in a window, which slides: the generic cell rate algorithm (ITU-T I.371).
--
-- KEYS[1]  ns:limit:<who>   when all that was taken will have been given back (ms)
-- ARGV[1]  calls            ARGV[2]  window (s)
-- Returns {1 when it was taken, calls left, ms until all are given back, ms to wait before another one}.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local window = ARGV[2] * 1000
local each = window / ARGV[1]
local busy = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now) + each - now

if busy > window then return {0, 0, math.ceil(busy - each), math.ceil(busy - window)} end
redis.call('SET', KEYS[1], string.format('%.3f', now + busy), 'PX', math.ceil(busy))
return {1, math.floor((window - busy) / each), math.ceil(busy), 0}
