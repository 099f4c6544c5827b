-- Take some of the calls that are allowed in a window, which slides: the generic cell rate algorithm (ITU-T I.371).
--
-- KEYS[1]  ns:limit:<who>   when all that was taken will have been given back (ms)
-- ARGV[1]  calls allowed    ARGV[2]  window (s)    ARGV[3]  calls to take; all of them or none
-- Returns {1 when they were taken, calls left, ms until all are given back, ms to wait before trying again}.

local clock = redis.call('TIME')
local now = clock[1] * 1000 + clock[2] / 1000
local window = ARGV[2] * 1000
local each = window / ARGV[1]
local wanted = each * ARGV[3]
local busy = math.max(tonumber(redis.call('GET', KEYS[1])) or 0, now) + wanted - now

if busy > window then return {0, 0, math.ceil(busy - wanted), math.ceil(busy - window)} end
redis.call('SET', KEYS[1], string.format('%.3f', now + busy), 'PX', math.ceil(busy))
return {1, math.floor((window - busy) / each), math.ceil(busy), 0}
