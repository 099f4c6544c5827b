-- Part: count what happened, in the minute of the server's clock; jobs/stats.py reads it, roll_up.lua sums it up.
--
-- ns:stats:m:<unix minute>  hash
--   n|<task>|<queue>|<outcome>|<bucket of run>|<bucket of wait>  how many; a bucket is '' when there is no such time
--   r|<task>|<queue>, w|<task>|<queue>                           microseconds run, and waited
-- One field says all of an attempt, so that counting it takes three commands and not five.

local time = redis.call('TIME')
local MINUTE = 'ns:stats:m:' .. math.floor(time[1] / 60)

-- The fields; `label` is <task>|<queue>, `kind` is r or w.
local function count_of(label, outcome, run, wait)
  return 'n|' .. label .. '|' .. outcome .. '|' .. run .. '|' .. wait
end

local function time_of(kind, label)
  return kind .. '|' .. label
end

local function add_to(field, number)
  redis.call('HINCRBY', MINUTE, field, number)
end
