-- Part: end an attempt, or several of one batch. Needs place.lua, start.lua and events.lua.
--
-- Every verb that ends an attempt begins with the same arguments, so that one function (jobs/verbs.py) calls them all:
-- KEYS[1..n]  rq:queue:<name>, rq:queue:<name>:<priority>  the lists to take the next job from, best first; none to take
-- nothing
-- ARGV[1]  next execution         ARGV[2]  worker name         ARGV[3]  now, as RQ writes times
-- ARGV[4]  lease (s)              ARGV[5]  most jobs to prefetch
-- ARGV[6]  the batch at hand, '' for none                      ARGV[7]  '1' to give back what is left of it
-- and then for each attempt, counted from 1:
--  1  id                   2  its queue            3  execution, the fence
--  4  how long the job and its attempts are kept from now on (s)
--  5  '' when its start is in the record; when it was prefetched, its start as RQ writes times
-- Of the attempt's entry in rq:results:<id>:
--  6  started (unix s)     7  ended (unix s)       8  attempt
--  9  outcome             10  peak memory (KB)
-- For the counters (parts/stats):
-- 11  <task>|<queue>      12  bucket of the run   13  microseconds of it; '' when it was cut short
-- 14  bucket of the wait  15  microseconds of it
-- 16  n, then n strings: more fields and values of the entry
-- and then the verb's own arguments.
-- Every one returns {states, next job or false, ids}: a state for each attempt, which is OWNED, STALE or REPEATED, and
-- the ids of those for whose end jobs of plain RQ wait.

local worker, now, batch = ARGV[2], ARGV[3], ARGV[6]
local OWNED, STALE, REPEATED = 1, 0, 2
local SUCCESSFUL, FAILED, STOPPED, RETRIED = 1, 2, 3, 4  -- RQ's Result.Type
local MOST_ATTEMPTS = 50  -- entries kept of one job, the newest

-- The attempt at hand.
local first, entry_end, id, queue, execution, job, outcome, cancel_asked, late
local ended, counted, kept = {}, {}, {}

local function of_attempt(n)
  return ARGV[first + n - 1]
end

-- The verb's own arguments, counted from 1.
local function argument(n)
  return ARGV[entry_end + n]
end

local function look_at(position)
  first = position
  id, queue, execution, outcome = ARGV[first], ARGV[first + 1], ARGV[first + 2], ARGV[first + 8]
  job, cancel_asked, late = 'rq:job:' .. id, false, false
  entry_end = first + 15 + of_attempt(16)
end

look_at(8)

local function add_up(field, number)
  counted[field] = (counted[field] or 0) + number
end

local function count_attempt()
  local label, run, wait = of_attempt(11), of_attempt(13), of_attempt(15)
  local word = outcome == 'stopped' and 'canceled' or outcome
  add_up(count_of(label, word, of_attempt(12), of_attempt(14)), 1)
  if run ~= '' then add_up(time_of('r', label), run) end
  if wait ~= '' then add_up(time_of('w', label), wait) end
end

local function add_attempt(call, stream, kind)
  return call('XADD', stream, 'MAXLEN', MOST_ATTEMPTS, '*', 'type', kind, 'worker_name', worker,
    'execution_id', execution, 'execution_started_at', of_attempt(6), 'execution_ended_at', of_attempt(7),
    'attempt', of_attempt(8), 'outcome', outcome, 'peak_kb', of_attempt(10), unpack(ARGV, first + 16, entry_end))
end

-- The server gives a new stream room for 4 KB; a copy has only what it needs, a tenth of that. False when the job has
-- entries already, which a copy would replace, and where the server does not copy.
local function add_first_attempt(stream, kind)
  if of_attempt(8) ~= '1' then return false end
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
  redis.call('EXPIRE', stream, of_attempt(4))
end

-- `error` is JSON or ''.
local function emit_job(kind, error)
  if not is_asked_for(kind) then return end
  emit(kind, redis.call('HGET', job, 'task'), 'job', id, 'queue', queue,
    'started', of_attempt(6), 'ended', of_attempt(7), 'attempt', of_attempt(8), 'error', error)
end

-- The job has ended: it stays in this registry of its queue until it expires.
local function keep_in(registry)
  local members = kept[registry .. queue] or {}
  members[#members + 1] = time[1] + of_attempt(4)
  members[#members + 1] = id
  kept[registry .. queue] = members
  redis.call('EXPIRE', job, of_attempt(4))
end

-- End the job as a dead letter, or as stopped by hand: both wait in the failed registry for a person.
local function bury(status, error)
  redis.call('HSET', job, 'status', status, 'ended_at', now, 'error', error)
  record_attempt(status == 'stopped' and STOPPED or FAILED)
  keep_in('rq:failed:')
  if status == 'failed' then emit_job('job.dead', error) end
end

-- Write the start of a prefetched job, and what has become of it.
local function write_late_start(...)
  write_start(id, execution, worker, of_attempt(5), tonumber(of_attempt(8)), ...)
end

-- Take a prefetched job out of its batch, and write the start that was not written then; a verb that has more to write
-- does so itself. Nothing when a supervisor has done so meanwhile (give_back.lua).
local function start_late(found)
  if of_attempt(5) == '' or batch == '' or redis.call('LREM', prefetched_in(batch), 1, id) == 0 then return false end
  if found[1] == 'queued' then
    found[1] = 'started'
    if outcome ~= 'finished' then write_late_start('started') end
  elseif not is_status(found[1]) and redis.call('EXISTS', job) == 1 then
    quarantine_record(id, queue, 'the record has no status of ours', now)
  end
  return true
end

local function write_finish()
  if late then return write_late_start('finished', 'ended_at', now) end
  redis.call('HSET', job, 'status', 'finished', 'ended_at', now)
end

-- The entry in wip, or in the batch, is the right to change the job: whoever removes it settles the attempt, all others
-- come too late. Second value: true when the entry was ours, but the job was ended meanwhile, by RQ's own Job.cancel() or
-- Job.delete() if it was in wip.
local function own()
  local found = redis.pcall('HMGET', job, 'status', 'cancel', 'execution')
  late = start_late(found)
  if not late and redis.call('ZREM', 'rq:wip:' .. queue, id .. ':' .. execution) == 0 then
    -- The reaper takes the execution away with the job, so one that is still there says: this call was sent twice.
    return found[3] == execution and REPEATED or STALE, false
  end
  local started = found[1] == 'started'
  if late and not started then return STALE, true end
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
  redis.call('EXPIRE', job, of_attempt(4))
  return true
end

-- Give the attempt back: it was cut short by us, not by the task.
local function unspend_attempt()
  redis.call('HSET', job, 'attempt', math.max(0, (tonumber(redis.call('HGET', job, 'attempt')) or 0) - 1))
end

-- Of the jobs that have ended for good, in this call or in an earlier sending of it, those for whose end jobs of plain RQ
-- wait; usually one look tells that none does.
local function awaited()
  local names, found = {}, {}
  for at, id in ipairs(ended) do names[at] = 'rq:job:' .. id .. ':dependents' end
  if #names == 0 or redis.call('EXISTS', unpack(names)) == 0 then return found end
  for at, id in ipairs(ended) do
    if redis.call('EXISTS', names[at]) == 1 then found[#found + 1] = id end
  end
  return found
end

local function has_ended(state)
  if state ~= STALE then ended[#ended + 1] = id end
end

-- A call that changed nothing may have been sent before, and have started a job then.
local function next_job(changed)
  if #KEYS == 0 then return false end
  local take = changed and start_next or resume_or_start
  return take(KEYS, ARGV[1], worker, now, ARGV[4], tonumber(ARGV[5]))
end

-- What is left of the batch goes back to the front of its queue.
local function give_back_rest()
  if ARGV[7] == '1' then give_back(batch, now) end
  batch = ''
end

-- The last thing that every verb does, with the state of its attempt, or of each of them.
local function answer(...)
  local changed = false
  for _, state in ipairs({...}) do changed = changed or state == OWNED end
  for field, number in pairs(counted) do add_to(field, number) end
  for registry, members in pairs(kept) do redis.call('ZADD', registry, unpack(members)) end
  give_back_rest()
  return {{...}, next_job(changed), awaited()}
end
