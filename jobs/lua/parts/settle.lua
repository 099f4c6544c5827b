-- Part: end an attempt. Needs place.lua, start.lua and events.lua.
--
-- Every verb that ends an attempt begins with the same arguments, so that one function (jobs/claims.py) calls them all:
-- KEYS[1..n]  rq:queue:<name>, rq:queue:<name>:<priority>  the lists to take the next job from, best first; none to take
-- nothing
-- ARGV[1]  id                     ARGV[2]  its queue           ARGV[3]  execution, the fence
-- ARGV[4]  next execution         ARGV[5]  worker name         ARGV[6]  now, as RQ writes times
-- ARGV[7]  lease (s)              ARGV[8]  how long the job and its attempts are kept from now on (s)
-- Of the attempt's entry in rq:results:<id>:
-- ARGV[9]  started (unix s)       ARGV[10] ended (unix s)      ARGV[11] attempt
-- ARGV[12] outcome                ARGV[13] peak memory (KB)
-- For the counters (parts/stats):
-- ARGV[14] <task>|<queue>         ARGV[15] bucket of the run   ARGV[16] microseconds of it; '' when it was cut short
-- ARGV[17] bucket of the wait     ARGV[18] microseconds of it
-- ARGV[19] n, then n strings: more fields and values of the entry
-- and then the verb's own arguments.
-- Every one returns {state, next job or false, ...}; state is OWNED, STALE or REPEATED. Those that end the job add 1
-- when jobs of plain RQ wait for it.

local id, queue, execution, now = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
local job = 'rq:job:' .. id
local outcome, cancel_asked = ARGV[12], false
local entry_end = 19 + tonumber(ARGV[19])
local OWNED, STALE, REPEATED = 1, 0, 2
local SUCCESSFUL, FAILED, STOPPED, RETRIED = 1, 2, 3, 4  -- RQ's Result.Type
local MOST_ATTEMPTS = 50  -- entries kept of one job, the newest

-- The verb's own arguments, counted from 1.
local function argument(n)
  return ARGV[entry_end + n]
end

local function count_attempt()
  local label = ARGV[14]
  count(label, outcome == 'stopped' and 'canceled' or outcome, ARGV[15], ARGV[17])
  add_time('r', label, ARGV[16])
  add_time('w', label, ARGV[18])
end

local function add_attempt(call, stream, kind)
  return call('XADD', stream, 'MAXLEN', MOST_ATTEMPTS, '*', 'type', kind, 'worker_name', ARGV[5],
    'execution_id', execution, 'execution_started_at', ARGV[9], 'execution_ended_at', ARGV[10],
    'attempt', ARGV[11], 'outcome', outcome, 'peak_kb', ARGV[13], unpack(ARGV, 20, entry_end))
end

-- The server gives a new stream room for 4 KB; a copy has only what it needs, a tenth of that. False when the job has
-- entries already, which a copy would replace, and where the server does not copy.
local function add_first_attempt(stream, kind)
  if ARGV[11] ~= '1' then return false end
  local entry = add_attempt(redis.pcall, 'ns:entry', kind)
  local copied = type(entry) == 'string' and redis.pcall('COPY', 'ns:entry', stream)
  redis.call('DEL', 'ns:entry')
  return copied == 1
end

-- A key that is no stream makes way: an error here would leave the job half settled.
local function record_attempt(kind)
  local stream = 'rq:results:' .. id
  if not add_first_attempt(stream, kind) and type(add_attempt(redis.pcall, stream, kind)) == 'table' then
    redis.call('DEL', stream)
    add_attempt(redis.call, stream, kind)
  end
  redis.call('EXPIRE', stream, ARGV[8])
end

-- The job has ended: it stays in this registry of its queue until it expires.
local function keep_in(registry)
  redis.call('ZADD', registry .. queue, time[1] + ARGV[8], id)
  redis.call('EXPIRE', job, ARGV[8])
end

-- End the job as a dead letter, or as stopped by hand: both wait in the failed registry for a person.
local function bury(status, error)
  redis.call('HSET', job, 'status', status, 'ended_at', now, 'error', error)
  record_attempt(status == 'stopped' and STOPPED or FAILED)
  keep_in('rq:failed:')
  if status == 'failed' then emit_job('job.dead', error) end
end

-- The entry in wip is the right to change the job: whoever removes it settles the attempt, all others come too late.
-- Second value: true when the entry was ours, but RQ's own Job.cancel() or Job.delete() has ended the job meanwhile.
local function own()
  if redis.call('ZREM', 'rq:wip:' .. queue, id .. ':' .. execution) == 0 then
    -- The reaper takes the execution away with the job, so one that is still there says: this call was sent twice.
    return redis.pcall('HGET', job, 'execution') == execution and REPEATED or STALE, false
  end
  local found = redis.pcall('HMGET', job, 'status', 'cancel')
  local started = found[1] == 'started'
  cancel_asked = started and found[2]
  if not started or cancel_asked and outcome ~= 'finished' then outcome = 'canceled' end
  count_attempt()
  if found[1] == 'canceled' then record_attempt(STOPPED) end
  return started and OWNED or STALE, not started
end

-- End the job here when a person has asked for that while it ran.
local function canceled()
  if not cancel_asked then return false end
  redis.call('HSET', job, 'status', 'canceled', 'ended_at', now)
  redis.call('HDEL', job, 'cancel')
  record_attempt(STOPPED)
  redis.call('ZADD', 'rq:canceled:' .. queue, time[1], id)
  redis.call('EXPIRE', job, ARGV[8])
  return true
end

-- Give the attempt back: it was cut short by us, not by the task.
local function unspend_attempt()
  redis.call('HSET', job, 'attempt', math.max(0, (tonumber(redis.call('HGET', job, 'attempt')) or 0) - 1))
end

-- 1 when jobs of plain RQ wait for the end of this one.
local function dependents(state)
  return state == OWNED and redis.call('EXISTS', job .. ':dependents') or 0
end

-- A call that changed nothing may have been sent before, and have started a job then.
local function next_job(state)
  if #KEYS == 0 then return false end
  local take = state == OWNED and start_next or resume_or_start
  return take(KEYS, ARGV[4], ARGV[5], now, ARGV[7])
end
