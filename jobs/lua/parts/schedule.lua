-- Part: a schedule's state, its history, and the job it enqueued last. Needs place.lua and accept.lua.
--
-- KEYS[1]  ns:schedule:<id>           hash, see jobs/schedules/store.py
-- KEYS[2]  ns:schedule:<id>:history   stream
-- Instants are strings of milliseconds: Lua would print large numbers with an exponent.

local SCHEDULE, HISTORY = KEYS[1], KEYS[2]
local DUE, WAITING, OPEN = 'ns:schedules:due', 'ns:schedules:waiting', 'ns:schedules:open'
local KEPT = 300           -- entries of a history, about
local DEAD_AFTER = 30      -- seconds past its lease after which a started job counts as lost; the reaper needs up to 15
local TOLERANCE = 20       -- milliseconds that a tick may be decided too early
local ENDED = {finished = true, failed = true, canceled = true, stopped = true}

local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function text(milliseconds)
  return string.format('%.0f', milliseconds)
end

local function field(name)
  return redis.call('HGET', SCHEDULE, name)
end

local function record(...)
  redis.call('XADD', HISTORY, 'MAXLEN', '~', KEPT, '*', ...)
end

-- Why this clock must not decide from what it has read; false when it may. A fence of '' is that of a standby.
local function refusal(fence, revision, cursor, due)
  if fence ~= '' and redis.call('HGET', 'ns:clock:lease', 'fence') ~= fence then return 'fenced' end
  local present, decided = unpack(redis.call('HMGET', SCHEDULE, 'revision', 'cursor'))
  if not present then return 'gone' end
  if present ~= revision then return 'stale' end
  if decided ~= cursor then return 'done' end
  if tonumber(due) > now + TOLERANCE then return 'early' end
  return false
end

local function held()
  local paused, retired = unpack(redis.call('HMGET', SCHEDULE, 'paused', 'retired'))
  return paused == '1' or retired == '1'
end

-- Move the cursor to a decided tick and arm the next one.
local function advance(id, tick, next_due, outcome)
  redis.call('HSET', SCHEDULE, 'cursor', tick, 'last_tick', tick, 'last_outcome', outcome)
  if next_due == '' then redis.call('ZREM', DUE, id) else redis.call('ZADD', DUE, next_due, id) end
end

local function lease_of(job, queue, execution)
  if not execution then
    execution = redis.call('ZREVRANGE', 'rq:executions:' .. job, 0, 0)[1]  -- a plain RQ worker runs it
  end
  return execution and tonumber(redis.call('ZSCORE', 'rq:wip:' .. queue, job .. ':' .. execution))
end

-- 'waiting' or 'started' while a job is to run or runs; false when it has ended, is lost or has expired.
local function state_of(job)
  local found = redis.pcall('HMGET', 'rq:job:' .. job, 'status', 'origin', 'execution')
  local status, queue, execution = unpack(found)
  if found.err or not status or ENDED[status] then return false end
  if status ~= 'started' then return 'waiting' end
  local lease = lease_of(job, queue or '', execution)
  return lease and lease + DEAD_AFTER > now / 1000 and 'started'
end

-- The state of the job that this schedule enqueued last, as long as it is young enough to count.
local function last_state()
  local job, since, longest = unpack(redis.call('HMGET', SCHEDULE, 'last_job', 'last_enqueued', 'max_overlap'))
  if not job or now - tonumber(since) > tonumber(longest) then return false end
  return state_of(job), job
end

local function enqueue(at)
  local job = accept(at)
  redis.call('HSET', SCHEDULE, 'last_job', job, 'last_enqueued', text(now))
  redis.call('ZADD', OPEN, text(now), job)
  return job
end

-- Take a job that has not started out of wherever it waits.
local function cancel(job)
  local key = 'rq:job:' .. job
  local queue = redis.call('HGET', key, 'origin')
  redis.call('LREM', 'rq:queue:' .. queue, 0, job)
  redis.call('ZREM', 'rq:scheduled:' .. queue, job)
  redis.call('ZREM', 'rq:deferred:' .. queue, job)
  redis.call('HSET', key, 'status', 'canceled')
  redis.call('ZADD', 'rq:canceled:' .. queue, '+inf', job)
end

-- Ask the worker to stop a running job, in RQ's words. It may be asked again until the job has ended.
local function stop(job)
  local worker = redis.call('HGET', 'rq:job:' .. job, 'worker_name')
  if worker then
    redis.call('PUBLISH', 'rq:pubsub:' .. worker, cjson.encode({command = 'stop-job', job_id = job}))
  end
end

-- Note how a job ended, count failures in a row, and pause the schedule when there are too many.
local function settle(id, job)
  if not redis.call('ZSCORE', OPEN, job) then return end
  local status = redis.pcall('HGET', 'rq:job:' .. job, 'status')
  if type(status) == 'string' and not ENDED[status] then return end
  local outcome = type(status) == 'string' and status or 'unknown'
  redis.call('ZREM', OPEN, job)
  record('kind', 'ended', 'job', job, 'outcome', outcome)
  if outcome == 'finished' then redis.call('HSET', SCHEDULE, 'failures', 0) end
  if outcome ~= 'failed' then return end
  local failures = redis.call('HINCRBY', SCHEDULE, 'failures', 1)
  local most = tonumber(field('pause_after'))
  if most and failures >= most and not held() then
    local note = 'paused after ' .. failures .. ' failures in a row'
    redis.call('HSET', SCHEDULE, 'paused', 1, 'paused_at', text(now), 'note', note)
    redis.call('ZREM', DUE, id)
    record('kind', 'paused', 'note', note, 'by', 'clock')
    redis.call('XADD', 'ns:audit', 'MAXLEN', '~', 10000, '*', 'actor', 'clock', 'action', 'schedule.pause',
      'subject', id, 'detail', cjson.encode({note = note}))
  end
end
