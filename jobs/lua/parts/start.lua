-- uses parts/stats
-- Part: take the next waiting job and start it. Needs place.lua.

local MOST_DROPPED = 100  -- ids passed over in one call, so that a queue of rubbish does not block the server

-- What a worker needs to know of a job; jobs/claims.py has the same list.
local STATUS, ATTEMPT = 1, 2

local function fields_of(id)
  return redis.pcall('HMGET', 'rq:job:' .. id,
    'status', 'attempt', 'data', 'origin', 'created_at', 'enqueued_at', 'run_at', 'timeout',
    'max_attempts', 'result_ttl', 'failure_ttl', 'tags', 'schedule', 'tick',
    'idempotency_key', 'traceparent', 'checkpoint', 'error', 'task', 'ended_at', 'v')
end

-- The fields of a job whose record can be run; nil and the reason when it cannot. It may be of any shape.
local function readable(id)
  local fields = fields_of(id)
  if fields.err then return nil, 'the record is not a hash' end
  local status = fields[STATUS]
  if status ~= 'queued' and not is_status(status) then return nil, 'the record is missing or has no status of ours' end
  return fields
end

local function mark_started(id, queue, execution, worker, at, fields, lease)
  local attempt = (tonumber(fields[ATTEMPT]) or 0) + 1
  redis.call('HSET', 'rq:job:' .. id, 'status', 'started', 'started_at', at, 'last_heartbeat', at,
    'worker_name', worker, 'execution', execution, 'attempt', attempt)
  redis.call('ZADD', 'rq:wip:' .. queue, time[1] + lease, id .. ':' .. execution)
  -- A job that ended before has an expiry date, which RQ leaves in place when it is requeued.
  if attempt > 1 then redis.call('PERSIST', 'rq:job:' .. id) end
  fields[STATUS], fields[ATTEMPT] = 'started', attempt
end

-- The first job of the first queue that has one: {id, queue, fields}; false when all are empty.
-- Nothing here may raise once an id is popped: a script that stops half-way is not undone.
local function start_next(queues, execution, worker, at, lease)
  local dropped = 0
  for _, key in ipairs(queues) do
    local id = redis.call('LPOP', key)
    local queue = id and queue_of(key)
    while id do
      local fields, reason = readable(id)
      -- Any other status says that the job is elsewhere, and that this id was pushed a second time.
      if fields and fields[STATUS] == 'queued' then
        mark_started(id, queue, execution, worker, at, fields, lease)
        return {id, queue, fields}
      end
      if reason then quarantine_record(id, queue, reason, at) end
      dropped = dropped + 1
      id = dropped < MOST_DROPPED and redis.call('LPOP', key)
    end
  end
  return false
end

-- The job that an earlier sending of this very call has started, when only its reply was lost; else the next one.
-- Without it a call that is sent again would start a second job, and nobody would know of the first.
local function resume_or_start(queues, execution, worker, at, lease)
  local looked = {}
  for _, key in ipairs(queues) do
    local queue = queue_of(key)
    for _, member in ipairs(looked[queue] and {} or redis.call('ZRANGE', 'rq:wip:' .. queue, 0, -1)) do
      local id = string.match(member, '^(.*):' .. execution .. '$')
      local fields = id and readable(id)
      if fields then return {id, queue, fields} end
    end
    looked[queue] = true
  end
  return start_next(queues, execution, worker, at, lease)
end
