-- uses parts/stats, parts/place
-- Cancel jobs that wait in one list of a queue, from the front.
--
-- KEYS[1]  rq:queue:<name> or rq:queue:<name>:<priority>   KEYS[2]  rq:canceled:<name>
-- ARGV[1]  most jobs         ARGV[2]  now, as RQ writes times   ARGV[3]  how long a record is kept when nothing else says (s)
-- Returns how many were taken out of the queue.

local queue = queue_of(KEYS[1])
local ids = redis.call('LPOP', KEYS[1], ARGV[1]) or {}
for _, id in ipairs(ids) do
  local job = 'rq:job:' .. id
  local found = redis.pcall('HMGET', job, 'failure_ttl', 'task', 'status')
  if not found.err and found[3] then
    local kept_for, task = found[1], found[2]
    redis.call('HSET', job, 'status', 'canceled', 'ended_at', ARGV[2])
    redis.call('ZADD', KEYS[2], time[1], id)
    redis.call('EXPIRE', job, tonumber(kept_for) or ARGV[3])
    count((task or '') .. '|' .. queue, 'canceled', '', '')
  end
end
return #ids
