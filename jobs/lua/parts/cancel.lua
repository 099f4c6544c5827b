-- Part: cancel a job. Needs canceled.lua and place.lua.

-- Take a job that has not started out of the place where it waits; false when it is in none, 0 when it was not there. The
-- list is searched from its end, because people cancel what they have just enqueued, and many jobs beginning with the
-- newest.
local function leave(id, status, queue, priority)
  if status == 'queued' then return redis.call('LREM', list_of(queue, priority), -1, id) end
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

-- A queued job that is not in its list has just been taken to be run, prefetched perhaps: whoever has it will see the mark.
local function is_taken(status, left)
  return status == 'queued' and left == 0
end

-- Cancel a job that waits, at this time, as RQ writes it; interrupt one that runs. Returns the status that it had.
local function cancel(id, at)
  local status, queue, kept_for, task, worker, priority = unpack(redis.call('HMGET', 'rq:job:' .. id,
    'status', 'origin', 'failure_ttl', 'task', 'worker_name', 'priority'))
  if status == 'started' and worker then interrupt(id, worker) end
  local left = status and queue and leave(id, status, queue, priority)
  if is_taken(status, left) then
    redis.call('HSET', 'rq:job:' .. id, 'cancel', 1)
    return 'started'
  end
  if left then mark_canceled(id, queue, task, kept_for, at) end
  return status
end
