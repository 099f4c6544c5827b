-- uses parts/forget
-- Drop the oldest jobs that have ended: those whose time is over, and those beyond the number that a queue keeps.
--
-- KEYS[1]  rq:queues   set of all queues
-- ARGV[1]  most jobs to look at in this call     ARGV[2]  how long canceled jobs are kept (s)
-- ARGV[3]  finished jobs that each queue keeps   ARGV[4]  dead letters   ARGV[5]  canceled jobs
-- Returns how many jobs were looked at; as many as asked for when more may be left.

local now = tonumber(redis.call('TIME')[1])
local most, seen = tonumber(ARGV[1]), 0
-- RQ's scores: when a finished or failed job expires, but when a canceled one was canceled.
local KINDS = {
  {'rq:finished:', now, tonumber(ARGV[3])},
  {'rq:failed:', now, tonumber(ARGV[4])},
  {'rq:canceled:', now - ARGV[2], tonumber(ARGV[5])},
}
local LIVE = {queued = true, scheduled = true, deferred = true, started = true}

-- How many of a registry have to go; they are its first ones.
local function surplus(registry, over, kept)
  local all = redis.call('ZCARD', registry)
  if all == 0 then return 0 end
  return math.max(all - kept, redis.call('ZCOUNT', registry, '-inf', over))
end

local function drop(registry, id)
  redis.call('ZREM', registry, id)
  -- Whoever gave the job a new life by other means than ours may have left it here.
  if not LIVE[redis.pcall('HGET', 'rq:job:' .. id, 'status')] then forget(id) end
end

local function drop_from(registry, over, kept)
  local count = math.min(surplus(registry, over, kept), most - seen)
  if count <= 0 then return end
  for _, id in ipairs(redis.call('ZRANGE', registry, 0, count - 1)) do drop(registry, id) end
  seen = seen + count
end

for _, queue in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  for _, kind in ipairs(KINDS) do drop_from(kind[1] .. string.sub(queue, 10), kind[2], kind[3]) end
end
return seen
