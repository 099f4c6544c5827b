-- uses parts/place
-- Look through a part of the ledger for accepted jobs that are in no place any more, and put them back in their queues.
-- Nothing of ours loses a job; this finds what other programs, operators and a server's lost writes leave behind.
--
-- KEYS[1]  ns:jobs          the ledger: id -> created (ms)   KEYS[2]  ns:sweep   how far the last look came
-- KEYS[3]  ns:suspects      id -> when it was first missed   KEYS[4]  ns:stats   counters
-- ARGV[1]  ids to look at   ARGV[2]  seconds that a job must be missed     ARGV[3]  now, as RQ writes times
-- Returns the ids that were put back.

local now = tonumber(redis.call('TIME')[1])
local repaired = {}

-- The list need not be searched for a job that came in after the one which is next.
local function waits(id, list, enqueued_at)
  local head = redis.call('LINDEX', list, 0)
  if not head then return false end
  local since = redis.pcall('HGET', 'rq:job:' .. head, 'enqueued_at')
  if type(since) == 'string' and enqueued_at and enqueued_at >= since then return true end
  return redis.call('LPOS', list, id) ~= false
end

local function runs(id, queue, execution)
  if execution and redis.call('ZSCORE', 'rq:wip:' .. queue, id .. ':' .. execution) then return true end
  for _, member in ipairs(redis.call('ZRANGE', 'rq:wip:' .. queue, 0, -1)) do
    if string.sub(member, 1, #id + 1) == id .. ':' then return true end  -- under a worker of plain RQ
  end
  return false
end

local function has_place(id, status, queue, execution, enqueued_at, priority)
  if status == 'queued' then return waits(id, list_of(queue, priority), enqueued_at) end
  if status == 'started' then return runs(id, queue, execution) end
  if status == 'scheduled' then return redis.call('ZSCORE', 'rq:scheduled:' .. queue, id) end
  return true
end

local function put_back(id, queue)
  redis.call('HSET', 'rq:job:' .. id, 'status', 'queued', 'enqueued_at', ARGV[3])
  redis.call('HDEL', 'rq:job:' .. id, 'execution')
  to_back(id, queue)
  redis.call('HINCRBY', KEYS[4], 'repaired', 1)
  repaired[#repaired + 1] = id
end

-- The record has expired: the job ended long ago.
local function forget(id)
  redis.call('ZREM', KEYS[1], id)
  redis.call('ZREM', KEYS[3], id)
end

local function look_at(id)
  local fields = redis.pcall('HMGET', 'rq:job:' .. id, 'status', 'origin', 'execution', 'enqueued_at', 'priority')
  local missed_since = redis.call('ZSCORE', KEYS[3], id)
  local corrupt = fields.err or fields[1] and not is_status(fields[1])
  if corrupt then quarantine_record(id, '', 'the record is not a hash, or has no status of ours', ARGV[3]) end
  if corrupt or not fields[1] or not fields[2] then return forget(id) end
  if has_place(id, unpack(fields)) then return redis.call('ZREM', KEYS[3], id) end
  if not missed_since then return redis.call('ZADD', KEYS[3], now, id) end
  if now - missed_since < tonumber(ARGV[2]) then return end
  redis.call('ZREM', KEYS[3], id)
  put_back(id, fields[2])
end

local function look_at_all(ids)
  for at = 1, #ids do look_at(ids[at]) end
end

look_at_all(redis.call('ZRANGE', KEYS[3], 0, ARGV[1]))
local first = tonumber(redis.call('GET', KEYS[2])) or 0
local page = redis.call('ZRANGE', KEYS[1], first, first + ARGV[1] - 1)
look_at_all(page)
redis.call('SET', KEYS[2], #page > 0 and first + #page or 0)
return repaired
