-- uses parts/place
-- When the next job of each queue was enqueued, of all its priorities the one that waits longest; reads only.
--
-- KEYS  rq:queue:<queue>, one for each
-- Returns for each RQ's way of writing that time, '' when the queue is empty or the record cannot be read.

local function head(list)
  local id = redis.call('LINDEX', list, 0)
  local found = id and redis.pcall('HGET', 'rq:job:' .. id, 'enqueued_at')
  return type(found) == 'string' and found or nil
end

local function oldest(queue)
  local times = {}
  for _, priority in ipairs({'high', 'normal', 'low'}) do times[#times + 1] = head(list_of(queue, priority)) end
  table.sort(times)
  return times[1] or ''
end

local times = {}
for at, key in ipairs(KEYS) do times[at] = oldest(queue_of(key)) end
return times
