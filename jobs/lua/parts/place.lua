-- Part: where a job can be. Every function leaves it in exactly one place.

-- Whether this is one of RQ's words; a record with any other status, or none, is corrupt. (A script makes its tables anew
-- in each call: this one only when it is asked.)
local function is_status(word)
  return ({
    created = true, queued = true, deferred = true, scheduled = true, started = true,
    finished = true, failed = true, stopped = true, canceled = true,
  })[word]
end

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

local function priority_of(id)
  return redis.pcall('HGET', 'rq:job:' .. id, 'priority')
end

local function to_back(id, queue)
  push('RPUSH', list_of(queue, priority_of(id)), queue, id)
end

local function to_front(id, queue)
  push('LPUSH', list_of(queue, priority_of(id)), queue, id)
end

-- Move a record that cannot be run out of everyone's way; its bytes stay as they were found.
-- What still names it, such as a queue, is passed over when it is met; the first reason stands.
local function quarantine_record(id, queue, reason, now)
  local key = 'rq:job:' .. id
  if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, 'ns:quarantine:' .. id) end
  redis.call('HSETNX', 'ns:quarantine', id, cjson.encode({reason = reason, queue = queue, at = now}))
  redis.call('ZREM', 'ns:jobs', id)
end
