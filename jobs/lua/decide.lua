-- uses parts/canceled, parts/place, parts/cancel, parts/accept, parts/audit, parts/schedule
-- Decide one tick: enqueue its job or note why not, and move the schedule's cursor, all in one step.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule             ARGV[2]  fence of the leader, '' from a standby
-- ARGV[3]  revision as read     ARGV[4]  cursor as read
-- ARGV[5]  tick                 ARGV[6]  when it is due
-- ARGV[7]  when the next one is due, '' when there is none
-- ARGV[8]  overlap              ARGV[9]  name of the clock
-- ARGV[10] most jobs that may wait in a queue
-- ARGV[11...]  the job, as in parts/accept
-- Returns {outcome, job or reason}: enqueued, waiting or skipped; or, with nothing changed, {refusal}: fenced, gone,
-- stale (another revision), done (another cursor), early or paused; or {'full', why}: no room for a job.

local fence, revision, cursor, tick, due, next_due, overlap, by, most = unpack(ARGV, 2, 10)
local QUEUE = kind_after(11).queue
local ONE_WAITS, NEWER = 'another tick is waiting already', 'a newer tick took its place'

local function note(outcome, reason, job)
  record_tick(tick, outcome, reason, job, by, text(now - tonumber(due)))
  advance(tick, next_due, outcome)
  return {outcome, job ~= '' and job or reason}
end

local function wait_for_end()
  redis.call('HSET', SCHEDULE, 'waiting', tick)
  redis.call('SADD', WAITING, id)
  return note('waiting', BUSY, '')
end

-- A tick that waited gives way to this one.
local function drop_waiting()
  local waiting = field('waiting')
  if not waiting then return end
  record_tick(waiting, 'skipped', NEWER, '', by, '')
  redis.call('HDEL', SCHEDULE, 'waiting')
  redis.call('SREM', WAITING, id)
end

local function run()
  return note('enqueued', '', enqueue(11))
end

-- As enqueue.lua would refuse it.
local function crowded()
  if redis.call('EXISTS', 'ns:full') == 1 then return 'the server has no memory to spare' end
  return how_many_wait(QUEUE) >= tonumber(most) and 'queue ' .. QUEUE .. ' is full'
end

local judge = {}

function judge.allow()
  return run()
end

function judge.skip()
  if last_state() then return note('skipped', BUSY, '') end
  return run()
end

function judge.queue_one()
  if field('waiting') then return note('skipped', ONE_WAITS, '') end
  if last_state() then return wait_for_end() end
  return run()
end

function judge.replace()
  local state, job = last_state()
  drop_waiting()
  if state == 'started' then
    cancel(job)
    return wait_for_end()
  end
  local reply = run()
  local stands_for_it = reply[2] == job  -- there is no other job of a task that is unique
  if state == 'waiting' and not stands_for_it then
    cancel(job, redis.call('HGET', 'rq:job:' .. reply[2], 'enqueued_at'))
  end
  return reply
end

local no = refusal(fence, revision, cursor, due)
if no then return {no} end
local last = field('last_job')
if last then settle(last) end
if held() then return {'paused'} end
local why = crowded()
if why then return {'full', why} end
return judge[overlap]()
