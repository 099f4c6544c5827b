-- Cancel jobs that wait in a queue, from the front.
--
-- KEYS[1]  rq:queue:<name>   KEYS[2]  rq:canceled:<name>
-- ARGV[1]  most jobs         ARGV[2]  now, as RQ writes times   ARGV[3]  how long a record is kept when nothing else says (s)
-- Returns how many were taken out of the queue.

local ids = redis.call('LPOP', KEYS[1], ARGV[1]) or {}
for _, id in ipairs(ids) do
  local job = 'rq:job:' .. id
  local kept_for = redis.pcall('HGET', job, 'failure_ttl')
  if type(kept_for) == 'string' then
    redis.call('HSET', job, 'status', 'canceled', 'ended_at', ARGV[2])
    redis.call('ZADD', KEYS[2], redis.call('TIME')[1], id)
    redis.call('EXPIRE', job, tonumber(kept_for) or ARGV[3])
  end
end
return #ids
