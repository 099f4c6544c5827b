-- uses parts/place, parts/start, parts/events, parts/settle
-- Finish a job with its result, and take the next one.
--
-- Keys, arguments and reply as in parts/settle; own argument: 1 '1' when an earlier attempt failed.

local state = own()
if state == OWNED then
  redis.call('HSET', job, 'status', 'finished', 'ended_at', now)
  if argument(1) == '1' then redis.call('HDEL', job, 'error') end
  record_attempt(SUCCESSFUL)
  emit_job('job.finished', '')
  keep_in('rq:finished:')
end
return {state, next_job(state), dependents(state)}
