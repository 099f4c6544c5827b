-- Part: end an attempt. Needs place.lua and start.lua.
--
-- Every verb that ends an attempt has the same first arguments, so that one function in jobs/claims.py calls them all:
-- KEYS[1..n]  rq:queue:<name>     the queues to take the next job from, best first; none to take nothing
-- ARGV[1]  id                     ARGV[2]  its queue           ARGV[3]  execution, the fence
-- ARGV[4]  next execution         ARGV[5]  worker name         ARGV[6]  now, as RQ writes times
-- ARGV[7]  lease (s)              ARGV[8]  expiry of the attempts' stream (s)
-- ARGV[9]  n, then n fields and values of this attempt's entry in rq:results:<id>; what follows is the verb's own
-- They return {state, next job or false}; state is OWNED, STALE or REPEATED.

local id, queue, execution = ARGV[1], ARGV[2], ARGV[3]
local now, kept_for = ARGV[6], tonumber(ARGV[8])
local job = 'rq:job:' .. id
local entry_size = tonumber(ARGV[9])
local OWN = 10 + entry_size        -- index of the verb's first own argument
local OWNED, STALE, REPEATED = 1, 0, 2
local MOST_ATTEMPTS = 50           -- entries kept of one job, the newest

-- The entry in wip is the right to change the job: whoever removes it settles the attempt, all others come too late.
local function own()
  if redis.call('ZREM', 'rq:wip:' .. queue, id .. ':' .. execution) == 1 then return OWNED end
  -- The reaper takes the execution away with the job, so one that is still there says: this call was sent twice.
  return redis.pcall('HGET', job, 'execution') == execution and REPEATED or STALE
end

local function record_attempt()
  redis.call('XADD', 'rq:results:' .. id, 'MAXLEN', MOST_ATTEMPTS, '*', unpack(ARGV, 10, 9 + entry_size))
  redis.call('EXPIRE', 'rq:results:' .. id, kept_for)
end

local function next_job()
  return #KEYS > 0 and start_next(KEYS, ARGV[4], ARGV[5], now, ARGV[7])
end
