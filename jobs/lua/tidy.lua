-- Drop what has expired: entries of registries, the oldest of too many dead letters, workers without a heartbeat.
--
-- KEYS[1]  rq:queues   set of all queues      KEYS[2]  rq:workers   set of all workers
-- KEYS[3]  ns:jobs     the index of jobs      ARGV[1]  most dead letters of one queue

local now = tonumber(redis.call('TIME')[1])
local YEAR = 31536000

local function forget(id)
  redis.call('DEL', 'rq:job:' .. id, 'rq:results:' .. id, 'ns:log:' .. id, 'ns:artifacts:' .. id)
  redis.call('ZREM', KEYS[3], id)
end

local function tidy_queue(queue)
  redis.call('ZREMRANGEBYSCORE', 'rq:finished:' .. queue, 0, now)
  redis.call('ZREMRANGEBYSCORE', 'rq:failed:' .. queue, 0, now)
  redis.call('ZREMRANGEBYSCORE', 'rq:canceled:' .. queue, 0, now - YEAR)
  local surplus = redis.call('ZCARD', 'rq:failed:' .. queue) - ARGV[1]
  if surplus <= 0 then return end
  local popped = redis.call('ZPOPMIN', 'rq:failed:' .. queue, math.min(surplus, 500))
  for at = 1, #popped, 2 do forget(popped[at]) end
end

local queues = redis.call('SMEMBERS', KEYS[1])
for _, key in ipairs(queues) do tidy_queue(string.sub(key, 10)) end
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if redis.call('EXISTS', worker) == 0 then
    redis.call('SREM', KEYS[2], worker)
    for _, key in ipairs(queues) do redis.call('SREM', 'rq:workers:' .. string.sub(key, 10), worker) end
  end
end
return #queues
