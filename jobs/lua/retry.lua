-- uses parts/place, parts/start, parts/events, parts/settle
-- Put a job back for another attempt after a delay, and take the next one.
--
-- Keys, arguments and reply as in parts/settle; own arguments: 1 delay (s), 2 '1' when the attempt counts, 3 error (JSON) or ''.

local function schedule(delay)
  redis.call('ZADD', 'rq:scheduled:' .. queue, time[1] + time[2] / 1000000 + delay, id)
end

local state, delay = own(), tonumber(argument(1))
if state == OWNED and not canceled() then
  redis.call('HSET', job, 'status', delay > 0 and 'scheduled' or 'queued', 'ended_at', now, 'enqueued_at', now)
  record_attempt(RETRIED)
  if argument(2) == '1' then emit_job('job.failed', argument(3)) else unspend_attempt() end
  if argument(3) ~= '' then redis.call('HSET', job, 'error', argument(3)) end
  if delay > 0 then schedule(delay) else to_back(id, queue) end
end
return answer(state)
