-- uses parts/place
-- Move jobs whose time has come from the scheduled registries to the end of their queues.
--
-- KEYS[1..n]  rq:scheduled:<queue>
-- ARGV[1]  now, as RQ writes times     ARGV[2]  most jobs to move
-- Returns how many were moved.

local function promote(id, queue)
  local status = redis.pcall('HGET', 'rq:job:' .. id, 'status')
  if not status or type(status) == 'table' then
    quarantine_record(id, queue, 'scheduled without a readable record', ARGV[1])
  elseif status == 'scheduled' then
    redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', ARGV[1])
    to_back(id, queue)
  end
end

local room = tonumber(ARGV[2])
local due = redis.call('TIME')
local latest = due[1] + due[2] / 1000000
for _, key in ipairs(KEYS) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key, '-inf', latest, 'LIMIT', 0, room)) do
    redis.call('ZREM', key, id)
    promote(id, string.sub(key, 14))
    room = room - 1
  end
end
return tonumber(ARGV[2]) - room
