-- Part: cancel a job. Needs stats.lua and place.lua.

local YEAR = 31536000  -- seconds that a record is kept when it does not say

-- Take a job that has not started out of the place where it waits; false when it is in none.
local function leave(id, status, queue, priority)
  if status == 'queued' then return redis.call('LREM', list_of(queue, priority), 0, id) end
  if status == 'scheduled' or status == 'deferred' then return redis.call('ZREM', 'rq:' .. status .. ':' .. queue, id) end
  return false
end

-- Tell the worker of a running job to leave it. The mark in the record is for the case that it does not hear us: its
-- heartbeat finds it, and if it dies, the reaper. A full server refuses the mark, but not the message. A worker of plain
-- RQ, which has no horses, knows only to stop a job.
local function interrupt(id, worker)
  redis.pcall('HSET', 'rq:job:' .. id, 'cancel', 1)
  local ours = redis.call('HEXISTS', 'rq:worker:' .. worker, 'horses') == 1
  redis.call('PUBLISH', 'rq:pubsub:' .. worker, cjson.encode({command = ours and 'cancel-job' or 'stop-job', job_id = id}))
end

-- Cancel a job that waits, at this time, as RQ writes it; interrupt one that runs. Returns the status that it had.
local function cancel(id, at)
  local job = 'rq:job:' .. id
  local status, queue, kept_for, task, worker, priority =
    unpack(redis.call('HMGET', job, 'status', 'origin', 'failure_ttl', 'task', 'worker_name', 'priority'))
  if status == 'started' and worker then interrupt(id, worker) end
  if not status or not queue or not leave(id, status, queue, priority) then return status end
  redis.call('HSET', job, 'status', 'canceled', 'ended_at', at)
  redis.call('ZADD', 'rq:canceled:' .. queue, time[1], id)
  redis.call('EXPIRE', job, tonumber(kept_for) or YEAR)
  count((task or '') .. '|' .. queue, 'canceled', '', '')
  return status
end
