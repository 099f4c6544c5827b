-- uses parts/place
-- Give a dead letter, a stopped or a canceled job a new life: all its attempts again, at the end of its queue.
--
-- KEYS[1]  rq:job:<id>   KEYS[2]  ns:quarantine
-- ARGV[1]  id            ARGV[2]  now, as RQ writes times
-- Returns the status that the job had: it is queued now if that was failed, stopped or canceled; nil if it is gone.

local job, id = KEYS[1], ARGV[1]
local status, queue = unpack(redis.call('HMGET', job, 'status', 'origin'))
local REGISTRY = {failed = 'rq:failed:', stopped = 'rq:failed:', canceled = 'rq:canceled:'}

if status and queue and REGISTRY[status] then
  redis.call('ZREM', REGISTRY[status] .. queue, id)
  redis.call('HSET', job, 'status', 'queued', 'enqueued_at', ARGV[2], 'attempt', 0, 'crashes', 0)
  redis.call('HDEL', job, 'error', 'started_at', 'ended_at', 'execution', 'cancel')
  redis.call('PERSIST', job)
  redis.call('HDEL', KEYS[2], id)
  redis.call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  to_back(id, queue)
end
return status
