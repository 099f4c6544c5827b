-- uses parts/place, parts/accept
-- Give a dead letter, a stopped or a canceled job a new life: all its attempts again, at the end of its queue.
--
-- KEYS[1]  rq:job:<id>   KEYS[2]  ns:quarantine
-- ARGV[1]  id            ARGV[2]  now, as RQ writes times
-- ARGV[3]  idempotency key (or '')   ARGV[4]  fingerprint of what was asked with it   ARGV[5]  the key's life (s)
-- Returns 'again' when the job is queued now, 'replayed' when the key did that before, 'reused' when it did something
-- else; the status of a job for which there is no other try, nil if it is gone.

local job, id, now, key, fingerprint, life = KEYS[1], unpack(ARGV)
local REGISTRY = {failed = 'rq:failed:', stopped = 'rq:failed:', canceled = 'rq:canceled:'}

local function queue_again(registry, queue)
  redis.call('ZREM', registry .. queue, id)
  redis.call('HSET', job, 'status', 'queued', 'enqueued_at', now, 'attempt', 0, 'crashes', 0)
  redis.call('HDEL', job, 'error', 'started_at', 'ended_at', 'execution', 'cancel')
  redis.call('PERSIST', job)
  redis.call('HDEL', KEYS[2], id)
  to_back(id, queue)
  hold(key, fingerprint, id, life)
end

local held = keyed(key, fingerprint)
local status, queue, enqueued = unpack(redis.call('HMGET', job, 'status', 'origin', 'enqueued_at'))
if enqueued == now then return 'again' end  -- this very call was sent before, and its reply was lost
if held then return held == id and 'replayed' or 'reused' end
if not (status and queue and REGISTRY[status]) then return status end
queue_again(REGISTRY[status], queue)
return 'again'
