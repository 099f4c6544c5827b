-- Take workers without a heartbeat off the lists.
--
-- KEYS[1]  rq:queues   set of all queues      KEYS[2]  rq:workers   set of all workers
-- Returns how many there were.

local gone = 0
for _, worker in ipairs(redis.call('SMEMBERS', KEYS[2])) do
  if redis.call('EXISTS', worker) == 0 then
    redis.call('SREM', KEYS[2], worker)
    for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do
      redis.call('SREM', 'rq:workers:' .. string.sub(key, 10), worker)
    end
    gone = gone + 1
  end
end
return gone
