-- uses parts/canceled
-- Part: take the next waiting job and start it, and take more to be run after it. Needs place.lua.
--
-- ns:prefetched:<batch>  list of ids that one horse has taken and not started, next one first; a batch is named by the
--                        execution of the job that was started with it
-- ns:prefetched          sorted set, batch -> when it may be taken from its horse (unix s)
-- A prefetched job is still "queued" in its record, but waits in this list instead of its queue's. Whoever takes the id
-- out of the list owns the job.

local OTHERS = 4          -- a horse prefetches no more than this part of what waits
local MOST_DROPPED = 100  -- ids passed over in one call, so that a queue of rubbish does not block the server

-- What a worker needs to know of a job; jobs/claims.py has the same list.
local STATUS, ATTEMPT, ORIGIN, ENQUEUED, FAILURE_TTL, TASK = 1, 2, 4, 6, 11, 19

local function fields_of(id)
  return redis.pcall('HMGET', 'rq:job:' .. id,
    'status', 'attempt', 'data', 'origin', 'created_at', 'enqueued_at', 'run_at', 'timeout',
    'max_attempts', 'result_ttl', 'failure_ttl', 'tags', 'schedule', 'tick',
    'idempotency_key', 'traceparent', 'checkpoint', 'error', 'task', 'ended_at', 'v', 'unique')
end

-- The fields of a job whose record can be run; nil and the reason when it cannot. It may be of any shape.
local function readable(id)
  local fields = fields_of(id)
  if fields.err then return nil, 'the record is not a hash' end
  local status = fields[STATUS]
  if status ~= 'queued' and not is_status(status) then return nil, 'the record is missing or has no status of ours' end
  return fields
end

local function next_attempt(fields)
  return (tonumber(fields[ATTEMPT]) or 0) + 1
end

-- What more is to be written at the same time may follow.
local function write_start(id, execution, worker, at, attempt, status, ...)
  redis.call('HSET', 'rq:job:' .. id, 'status', status, 'started_at', at, 'last_heartbeat', at,
    'worker_name', worker, 'execution', execution, 'attempt', attempt, ...)
  -- A job that ended before has an expiry date, which RQ leaves in place when it is requeued.
  if attempt > 1 then redis.call('PERSIST', 'rq:job:' .. id) end
end

local function mark_started(id, queue, execution, worker, at, fields, lease)
  local attempt = next_attempt(fields)
  -- The call of an idle horse is sent before it waits, and so before the job was there that ends its wait.
  if fields[ENQUEUED] and fields[ENQUEUED] > at then at = fields[ENQUEUED] end
  write_start(id, execution, worker, at, attempt, 'started')
  redis.call('ZADD', 'rq:wip:' .. queue, time[1] + lease, id .. ':' .. execution)
  fields[STATUS], fields[ATTEMPT] = 'started', attempt
end

local function prefetched_in(batch)
  return 'ns:prefetched:' .. batch
end

-- The fields of a job that is held, or about to be, while it is to be run; one that cannot be goes into quarantine.
local function to_be_held(id, queue, at)
  local fields, reason = readable(id)
  if fields and not fields[ORIGIN] then reason = 'the record names no queue' end  -- it could not be given back
  if reason then quarantine_record(id, queue, reason, at) end
  return not reason and fields[STATUS] == 'queued' and fields
end

-- What the horse needs to run these jobs as if they had been started: {{id, queue, fields}, ...}; second value: their
-- ids; third: those of jobs that name another queue, and could not be given back to this one.
local function to_be_run(ids, queue, at)
  local jobs, good, strange = {}, {}, {}
  for _, id in ipairs(ids) do
    local fields = to_be_held(id, queue, at)
    if fields and fields[ORIGIN] ~= queue then
      strange[#strange + 1] = id
    elseif fields then
      fields[STATUS], fields[ATTEMPT] = 'started', next_attempt(fields)
      jobs[#jobs + 1], good[#good + 1] = {id, queue, fields}, id
    end
  end
  return jobs, good, strange
end

-- Take at most so many jobs more from a list, but leave most of it to others.
local function prefetch(list, queue, most, batch, at, lease)
  local number = most > 0 and math.min(most, math.floor(redis.call('LLEN', list) / OTHERS)) or 0
  if number < 1 then return {} end
  local jobs, ids, strange = to_be_run(redis.call('LPOP', list, number), queue, at)
  for at = #strange, 1, -1 do redis.call('LPUSH', list, strange[at]) end  -- each is started alone
  if #ids > 0 then
    redis.call('RPUSH', prefetched_in(batch), unpack(ids))
    redis.call('ZADD', 'ns:prefetched', time[1] + lease, batch)
  end
  return jobs
end

-- The first job of the first queue that has one, and at most `most` after it: {id, queue, fields, {prefetched, ...}};
-- false when all are empty.
-- Nothing here may raise once an id is popped: a script that stops half-way is not undone.
local function start_next(queues, execution, worker, at, lease, most)
  local dropped = 0
  for _, key in ipairs(queues) do
    local id = redis.call('LPOP', key)
    local queue = id and queue_of(key)
    while id do
      local fields, reason = readable(id)
      -- Any other status says that the job is elsewhere, and that this id was pushed a second time.
      if fields and fields[STATUS] == 'queued' then
        mark_started(id, queue, execution, worker, at, fields, lease)
        return {id, queue, fields, prefetch(key, queue, most, execution, at, lease)}
      end
      if reason then quarantine_record(id, queue, reason, at) end
      dropped = dropped + 1
      id = dropped < MOST_DROPPED and redis.call('LPOP', key)
    end
  end
  return false
end

-- The job that an earlier sending of this very call has started, when only its reply was lost; else false.
local function resumed(queues, execution, at)
  local looked = {}
  for _, key in ipairs(queues) do
    local queue = queue_of(key)
    for _, member in ipairs(looked[queue] and {} or redis.call('ZRANGE', 'rq:wip:' .. queue, 0, -1)) do
      local id = string.match(member, '^(.*):' .. execution .. '$')
      local fields = id and readable(id)
      if fields then
        return {id, queue, fields, (to_be_run(redis.call('LRANGE', prefetched_in(execution), 0, -1), queue, at))}
      end
    end
    looked[queue] = true
  end
  return false
end

-- Without the first, a call that is sent again would start a second job, and nobody would know of the first.
local function resume_or_start(queues, execution, worker, at, lease, most)
  return resumed(queues, execution, at) or start_next(queues, execution, worker, at, lease, most)
end

-- A prefetched job goes back to the front of its queue, unless it is not to be run any more. A person who canceled it
-- meanwhile was told that it is being run: it ends here.
local function put_back_prefetched(id, at)
  local fields = to_be_held(id, '', at)
  if not fields then return end
  if redis.call('HDEL', 'rq:job:' .. id, 'cancel') == 1 then
    mark_canceled(id, fields[ORIGIN], fields[TASK], fields[FAILURE_TTL], at)
  else
    to_front(id, fields[ORIGIN])
  end
end

-- Give back what is left of a batch.
local function give_back(batch, at)
  if batch == '' then return end
  local id = redis.call('RPOP', prefetched_in(batch))
  while id do
    put_back_prefetched(id, at)
    id = redis.call('RPOP', prefetched_in(batch))
  end
  redis.call('ZREM', 'ns:prefetched', batch)
end
