-- uses parts/place
-- Take workers without a heartbeat, and names of queues that nobody uses, off the lists.
--
-- KEYS[1]  rq:queues   set of all queues      KEYS[2]  rq:workers   set of all workers      KEYS[3]  ns:paused
-- Returns how many workers and queues there were to take off.

local gone = 0

local function drop_worker(worker, queues)
  redis.call('SREM', KEYS[2], worker)
  for _, key in ipairs(queues) do redis.call('SREM', 'rq:workers:' .. string.sub(key, 10), worker) end
  gone = gone + 1
end

-- Whether a queue holds jobs in whatever state, has a worker, or is paused. Who enqueues lists it again.
local function in_use(key)
  local name = string.sub(key, 10)
  if redis.call('HEXISTS', KEYS[3], name) == 1 then return true end
  return redis.call('EXISTS', key, key .. ':high', key .. ':low', 'rq:workers:' .. name, 'rq:wip:' .. name,
    'rq:scheduled:' .. name, 'rq:deferred:' .. name, 'rq:finished:' .. name, 'rq:failed:' .. name,
    'rq:canceled:' .. name) > 0
end

local queues = redis.call('SMEMBERS', KEYS[1])
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if redis.call('EXISTS', worker) == 0 then drop_worker(worker, queues) end
end
for _, key in ipairs(queues) do
  if not in_use(key) then gone = gone + redis.call('SREM', KEYS[1], key) end
end
return gone
