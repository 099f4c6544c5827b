-- uses parts/canceled, parts/place, parts/cancel
-- Cancel jobs that wait in one list of a queue, from the front.
--
-- KEYS[1]  rq:queue:<name> or rq:queue:<name>:<priority>
-- ARGV[1]  most jobs         ARGV[2]  now, as RQ writes times
-- Returns how many were taken out of the queue.

local queue = queue_of(KEYS[1])
local ids = redis.call('LPOP', KEYS[1], ARGV[1]) or {}
for _, id in ipairs(ids) do
  local found = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'task', 'failure_ttl')
  -- With any other status the job is elsewhere, running perhaps, and its id was pushed a second time.
  if not found.err and found[1] == 'queued' then mark_canceled(id, queue, found[2], found[3], ARGV[2]) end
end
return #ids
