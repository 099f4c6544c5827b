-- Part: count what happened, in the minute of the server's clock; jobs/stats.py reads it, roll_up.lua sums it up.
--
-- ns:stats:m:<unix minute>  hash
--   n|<task>|<queue>|<outcome>|<bucket of run>|<bucket of wait>  how many; a bucket is '' when there is no such time
--   r|<task>|<queue>, w|<task>|<queue>                           microseconds run, and waited
-- One field says all of an attempt, so that counting it takes three commands and not five.

local time = redis.call('TIME')
local MINUTE = 'ns:stats:m:' .. math.floor(time[1] / 60)

-- `label` is <task>|<queue>.
local function count(label, outcome, run, wait)
  redis.call('HINCRBY', MINUTE, 'n|' .. label .. '|' .. outcome .. '|' .. run .. '|' .. wait, 1)
end

local function add_time(kind, label, microseconds)
  if microseconds ~= '' then redis.call('HINCRBY', MINUTE, kind .. '|' .. label, microseconds) end
end
