-- Part: a schedule's state, its history, and the job it enqueued last. Needs place.lua, accept.lua and audit.lua.
--
-- KEYS[1]  ns:schedule:<id>           hash, see jobs/schedules/store.py
-- KEYS[2]  ns:schedule:<id>:history   stream
-- ARGV[1]  the schedule's id, in every script that uses this
-- Instants are strings of milliseconds: Lua would print large numbers with an exponent.

local id, SCHEDULE, HISTORY = ARGV[1], KEYS[1], KEYS[2]
local DUE, WAITING, OPEN = 'ns:schedules:due', 'ns:schedules:waiting', 'ns:schedules:open'
local BACKFILLS, BACKFILL = 'ns:schedules:backfills', SCHEDULE .. ':backfill'
local KEPT = 10000         -- entries of a history at most, about; jobs/retention.py keeps fewer
local DEAD_AFTER = 30      -- seconds past its lease after which a started job counts as lost; the reaper needs up to 15
local TOLERANCE = 20       -- milliseconds that a tick may be decided too early
local BUSY = 'the job before it is still active'
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

local function record_tick(tick, outcome, reason, job, by, late)
  record('kind', 'tick', 'tick', tick, 'outcome', outcome, 'reason', reason, 'job', job, 'by', by, 'late', late)
end

local function record_missed(first, last, count, reason, by)
  record('kind', 'missed', 'first', first, 'tick', last, 'count', count, 'outcome', 'missed', 'reason', reason, 'by', by)
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

local function arm(due)
  if due == '' then redis.call('ZREM', DUE, id) else redis.call('ZADD', DUE, due, id) end
end

-- Move the cursor to a decided tick and arm the next one.
local function advance(tick, next_due, outcome)
  redis.call('HSET', SCHEDULE, 'cursor', tick, 'last_tick', tick, 'last_outcome', outcome)
  arm(next_due)
end

local function pause(note, actor)
  redis.call('HSET', SCHEDULE, 'paused', 1, 'paused_at', text(now), 'note', note)
  arm('')
  record('kind', 'paused', 'reason', note, 'by', actor)
  audit(actor, 'schedule.pause', id, note)
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
  local job = accept_one(at)
  redis.call('HSET', SCHEDULE, 'last_job', job, 'last_enqueued', text(now))
  redis.call('ZADD', OPEN, text(now), id .. ':' .. job)
  return job
end

local function count_failure()
  local failures = redis.call('HINCRBY', SCHEDULE, 'failures', 1)
  local most = tonumber(field('pause_after'))
  if most and failures >= most and not held() then
    pause('paused after ' .. failures .. ' failures in a row', 'clock')
  end
end

-- Note how a job ended, count failures in a row, and pause the schedule when there are too many.
local function settle(job)
  local member = id .. ':' .. job
  if not redis.call('ZSCORE', OPEN, member) then return end
  local status = redis.pcall('HGET', 'rq:job:' .. job, 'status')
  local known = type(status) == 'string'
  if known and not ENDED[status] then return end
  redis.call('ZREM', OPEN, member)
  record('kind', 'ended', 'job', job, 'outcome', known and status or 'unknown')
  if status == 'finished' then redis.call('HSET', SCHEDULE, 'failures', 0) end
  if status == 'failed' then count_failure() end
end
