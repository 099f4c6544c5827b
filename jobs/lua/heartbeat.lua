-- A supervisor says that it and its running jobs are alive, and hears what it must know: one call a second.
--
-- KEYS[1]  rq:worker:<name>   KEYS[2]  rq:suspended   KEYS[3]  ns:paused
-- KEYS[4..]  rq:queue:<name>:<priority>  the lists of other priorities than normal
-- ARGV[1]  life of the worker's record (s)   ARGV[2]  lease of the jobs (s)   ARGV[3]  now, as RQ writes times
-- ARGV[4]  state   ARGV[5]  current job or ''   ARGV[6..8]  jobs finished, jobs not finished, seconds spent
-- ARGV[9..]  for each running job: its queue, '<id>:<execution>'
-- Returns {1 when the record exists, 1 when RQ's workers are suspended, paused queues, jobs that were taken away,
-- jobs that were canceled or deleted, lists of KEYS[4..] that have jobs}.

-- A full server refuses a script whose first write needs memory: hence EXPIRE before HSET, and ZREM before ZADD.
local function beat()
  if redis.call('EXPIRE', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], 'last_heartbeat', ARGV[3], 'state', ARGV[4], 'successful_job_count', ARGV[6],
    'failed_job_count', ARGV[7], 'total_working_time', ARGV[8])
  if ARGV[5] == '' then
    redis.call('HDEL', KEYS[1], 'current_job')
  else
    redis.call('HSET', KEYS[1], 'current_job', ARGV[5])
  end
  return 1
end

-- Whether a person, or RQ, has ended a running job: its horse must leave it, and settles its entry then.
local function unwanted(member)
  local found = redis.pcall('HMGET', 'rq:job:' .. string.match(member, '^(.*):'), 'status', 'cancel')
  return not found.err and (found[1] ~= 'started' or found[2])
end

local function renew()
  local until_when, lost, canceled = redis.call('TIME')[1] + ARGV[2], {}, {}
  for at = 9, #ARGV, 2 do
    local wip, member = 'rq:wip:' .. ARGV[at], ARGV[at + 1]
    if redis.call('ZREM', wip, member) == 1 then
      redis.call('ZADD', wip, until_when, member)
      if unwanted(member) then canceled[#canceled + 1] = member end
    else
      lost[#lost + 1] = member
    end
  end
  return lost, canceled
end

-- A heartbeat must not fail because of a key that is not ours to check.
local function paused()
  local names = redis.pcall('HKEYS', KEYS[3])
  return names.err and {} or names
end

local function filled()
  local found = {}
  for at = 4, #KEYS do
    if redis.call('EXISTS', KEYS[at]) == 1 then found[#found + 1] = KEYS[at] end
  end
  return found
end

local lost, canceled = renew()
return {beat(), redis.call('EXISTS', KEYS[2]), paused(), lost, canceled, filled()}
