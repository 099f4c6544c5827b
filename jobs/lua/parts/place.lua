-- Part: where a job can be. Every function leaves it in exactly one place.

-- RQ's words; a record with any other status, or none, is corrupt.
local STATUSES = {
  created = true, queued = true, deferred = true, scheduled = true, started = true,
  finished = true, failed = true, stopped = true, canceled = true,
}

-- Leave one token for an idle horse. One is enough: who finds a job passes the token on while more is waiting (start.lua).
local function wake(queue)
  local key = 'ns:wake:' .. queue
  if redis.call('LLEN', key) == 0 then redis.call('RPUSH', key, '1') end
end

local function to_back(id, queue)
  redis.call('RPUSH', 'rq:queue:' .. queue, id)
  wake(queue)
end

local function to_front(id, queue)
  redis.call('LPUSH', 'rq:queue:' .. queue, id)
  wake(queue)
end

-- Move a record that cannot be run out of everyone's way; its bytes stay as they were found.
-- What still names it, such as a queue, is passed over when it is met; the first reason stands.
local function quarantine_record(id, queue, reason, now)
  local key = 'rq:job:' .. id
  if redis.call('EXISTS', key) == 1 then redis.call('RENAME', key, 'ns:quarantine:' .. id) end
  redis.call('HSETNX', 'ns:quarantine', id, cjson.encode({reason = reason, queue = queue, at = now}))
  redis.call('ZREM', 'ns:jobs', id)
end
