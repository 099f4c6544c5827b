-- Part: the lists in which jobs wait for a worker.

-- Leave one token for an idle horse. One is enough: who finds a job passes the token on while more is waiting (start.lua).
local function wake(queue)
  local key = 'ns:wake:' .. queue
  if redis.call('LLEN', key) == 0 then redis.call('RPUSH', key, '1') end
end

-- Jobs of another priority than normal wait in lists of their own beside that of their queue; no queue of ours has a
-- colon in its name.
local function list_of(queue, priority)
  local apart = priority == 'high' or priority == 'low'
  return 'rq:queue:' .. queue .. (apart and ':' .. priority or '')
end

local function queue_of(list)
  local name = string.sub(list, 10)
  if not string.find(name, ':', 1, true) then return name end
  return string.match(name, '^([^:]+):high$') or string.match(name, '^([^:]+):low$') or name
end

local function how_many_wait(queue)
  local high, low = list_of(queue, 'high'), list_of(queue, 'low')
  local count = redis.call('LLEN', list_of(queue))
  if redis.call('EXISTS', high, low) == 0 then return count end
  return count + redis.call('LLEN', high) + redis.call('LLEN', low)
end

-- RQ is to know of every list that exists; one is new when all that it holds has just been pushed.
local function push(command, list, queue, ...)
  if redis.call(command, list, ...) == select('#', ...) then redis.call('SADD', 'rq:queues', list) end
  wake(queue)
end
