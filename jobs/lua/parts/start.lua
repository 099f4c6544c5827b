-- Part: take the next waiting job and start it. Needs place.lua.

local FIELDS = {
  'data', 'status', 'attempt', 'max_attempts', 'timeout', 'result_ttl', 'failure_ttl',
  'schedule', 'tick', 'idempotency_key', 'checkpoint', 'enqueued_at',
}
local STATUS, ATTEMPT = 2, 3
local MOST_CORRUPT = 100  -- ids dropped in one call, so that a queue of rubbish does not block the server

-- The fields of a job that may run; nil and the reason when it may not. The record may be of any shape.
local function runnable(id)
  local fields = redis.pcall('HMGET', 'rq:job:' .. id, unpack(FIELDS))
  if fields.err then return nil, 'the record is not a hash' end
  if not fields[1] then return nil, 'the record is missing or has no data' end
  return fields
end

-- An id in a queue whose record says that the job is elsewhere: it was pushed twice, by hand or by another program.
local function waits(fields)
  return not fields[STATUS] or fields[STATUS] == 'queued' or fields[STATUS] == 'created'
end

local function mark_started(id, queue, execution, worker, at, attempt, lease)
  redis.call('HSET', 'rq:job:' .. id, 'status', 'started', 'started_at', at, 'last_heartbeat', at,
    'worker_name', worker, 'execution', execution, 'attempt', attempt)
  redis.call('ZADD', 'rq:wip:' .. queue, redis.call('TIME')[1] + lease, id .. ':' .. execution)
  -- A job that ended before has an expiry date, which RQ leaves in place when it is requeued.
  if attempt > 1 then redis.call('PERSIST', 'rq:job:' .. id) end
end

-- The first job of the first queue that has one: {id, queue, fields}; false when all are empty.
-- Nothing here may raise once an id is popped: a script that stops half-way is not undone.
local function start_next(queues, execution, worker, at, lease)
  local dropped = 0
  for _, key in ipairs(queues) do
    local queue = string.sub(key, 10)
    local id = redis.call('LPOP', key)
    while id do
      local fields, reason = runnable(id)
      if fields and waits(fields) then
        fields[ATTEMPT] = (tonumber(fields[ATTEMPT]) or 0) + 1
        mark_started(id, queue, execution, worker, at, fields[ATTEMPT], lease)
        return {id, queue, fields}
      end
      if reason then quarantine_record(id, queue, reason, at) end
      dropped = dropped + 1
      id = dropped < MOST_CORRUPT and redis.call('LPOP', key)
    end
  end
  return false
end
