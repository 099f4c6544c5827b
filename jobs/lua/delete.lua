-- uses parts/canceled, parts/place, parts/cancel, parts/forget
-- Delete a job that is not running, with all that belongs to it.
--
-- KEYS[1]  rq:job:<id>   ARGV[1]  id
-- Returns the status that the job had: it is deleted unless that was started, or is about to be; nil if it was gone.

local job, id = KEYS[1], ARGV[1]
local status, queue, priority = unpack(redis.call('HMGET', job, 'status', 'origin', 'priority'))
if not status or status == 'started' then return status end

local left = leave(id, is_status(status) and status or 'queued', queue, priority)  -- a damaged job may still be in its list
if is_taken(status, left) then return 'started' end
for _, kind in ipairs({'scheduled', 'deferred', 'finished', 'failed', 'canceled'}) do
  redis.call('ZREM', 'rq:' .. kind .. ':' .. queue, id)
end
forget(id)
return status
