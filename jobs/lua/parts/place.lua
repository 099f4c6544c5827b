-- uses parts/lists
-- Part: where a job can be. Every function leaves it in exactly one place.

-- Whether this is one of RQ's words; a record with any other status, or none, is corrupt. (A script makes its tables anew
-- in each call: this one only when it is asked.)
local function is_status(word)
  return ({
    created = true, queued = true, deferred = true, scheduled = true, started = true,
    finished = true, failed = true, stopped = true, canceled = true,
  })[word]
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
