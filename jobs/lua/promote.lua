-- uses parts/place
-- Move jobs whose time has come from the scheduled registries to the end of their queues.
--
-- KEYS[1]  rq:queues   set of all queues
-- ARGV[1]  now, as RQ writes times     ARGV[2]  most jobs to move
-- Returns how many were moved.

local moved = 0

local function promote(id, queue)
  local status = redis.pcall('HGET', 'rq:job:' .. id, 'status')
  if not is_status(status) then
    quarantine_record(id, queue, 'scheduled without a readable record', ARGV[1])
  elseif status == 'scheduled' then
    redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', ARGV[1])
    to_back(id, queue)
    moved = moved + 1
  end
end

local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local queue = string.sub(key, 10)
  local scheduled = 'rq:scheduled:' .. queue
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', scheduled, '-inf', now, 'LIMIT', 0, ARGV[2] - moved)) do
    redis.call('ZREM', scheduled, id)
    promote(id, queue)
  end
end
return moved
