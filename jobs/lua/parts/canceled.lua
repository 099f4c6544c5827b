-- uses parts/stats
-- Part: what becomes of a job that was canceled before it ran.

local YEAR = 31536000  -- seconds that a record is kept when it does not say

-- End a job that has left its place. What stands there as its time to live need not be one that the server accepts.
local function mark_canceled(id, queue, task, kept_for, at)
  local life = tonumber(kept_for)
  if not (life and life >= 1 and life <= 100 * YEAR) then life = YEAR end
  redis.call('HSET', 'rq:job:' .. id, 'status', 'canceled', 'ended_at', at)
  redis.call('ZADD', 'rq:canceled:' .. queue, time[1], id)
  redis.call('EXPIRE', 'rq:job:' .. id, math.floor(life))
  add_to(count_of((task or '') .. '|' .. queue, 'canceled', '', ''), 1)
end
