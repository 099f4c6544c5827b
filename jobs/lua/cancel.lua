-- uses parts/stats
-- Cancel a job that has not started.
--
-- KEYS[1]  rq:job:<id>
-- ARGV[1]  id   ARGV[2]  now, as RQ writes times   ARGV[3]  how long the record is kept when nothing else says (s)
-- Returns the status that the job had: it is canceled now if that was queued, scheduled or deferred; nil if it is gone.

local job, id = KEYS[1], ARGV[1]
local status, queue, kept_for, task = unpack(redis.call('HMGET', job, 'status', 'origin', 'failure_ttl', 'task'))

local function leave()
  if status == 'queued' then return redis.call('LREM', 'rq:queue:' .. queue, 0, id) end
  if status == 'scheduled' or status == 'deferred' then return redis.call('ZREM', 'rq:' .. status .. ':' .. queue, id) end
  return false
end

if status and queue and leave() then
  redis.call('HSET', job, 'status', 'canceled', 'ended_at', ARGV[2])
  redis.call('ZADD', 'rq:canceled:' .. queue, time[1], id)
  redis.call('EXPIRE', job, tonumber(kept_for) or ARGV[3])
  count((task or '') .. '|' .. queue, 'canceled', '', '')
end
return status
