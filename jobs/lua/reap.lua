-- uses parts/place, parts/start, parts/events, parts/settle
-- Take a job from a horse that died: back to the front of its queue, or a dead letter when it did so too often.
--
-- Keys, arguments and reply as in parts/settle; own arguments:
-- 1 '1' to act only when the lease has run out, 2 crashes allowed, 3 error (JSON) if it was the last one.
-- Instead of ids, the reply's third value is the number of crashes; -1 when the record was unreadable and is now quarantined, -2 when
-- the job was to be canceled, and is.

local function alive()
  local lease = redis.call('ZSCORE', 'rq:wip:' .. queue, id .. ':' .. execution)
  return lease and tonumber(lease) > tonumber(time[1])
end

local function put_back()
  redis.call('HSET', job, 'status', 'queued', 'ended_at', now)
  record_attempt(RETRIED)
  emit_job('job.failed', argument(3))
  unspend_attempt()
  redis.call('HDEL', job, 'execution')
  to_front(id, queue)
end

local function settle()
  local crashes = (tonumber(redis.call('HGET', job, 'crashes')) or 0) + 1
  redis.call('HSET', job, 'crashes', crashes)
  if canceled() then return -2 end
  if crashes >= tonumber(argument(2)) then bury('failed', argument(3)) else put_back() end
  return crashes
end

local function reap()
  if argument(1) == '1' and alive() then return STALE, 0 end
  local state, ended = own()
  local _, reason = readable(id)
  if ended and reason and redis.call('EXISTS', job) == 1 then
    quarantine_record(id, queue, reason, now)
    return OWNED, -1
  end
  return state, state == OWNED and settle() or 0
end

local state, crashes = reap()
local reply = answer(state)
reply[3] = crashes
return reply
