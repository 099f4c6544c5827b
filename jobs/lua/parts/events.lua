-- Part: tell those who asked what became of a job or a schedule (jobs/webhooks).
--
-- An event is noted by the script that makes it true, so none is lost when its process dies; it costs one look at a set
-- that does not exist while nobody asks.

local OUTBOX, KINDS, OURS = 'ns:webhooks:outbox', 'ns:webhooks:kinds', 'nightshift.'

-- Our own tasks are nobody's business: a delivery that told of its end would never end.
local function emit(kind, task, ...)
  if not task or string.sub(task, 1, #OURS) == OURS then return end
  redis.call('XADD', OUTBOX, '*', 'type', kind, 'task', task, ...)
end

-- The end of the attempt that ARGV describes as in parts/settle; `error` is JSON or ''.
local function emit_job(kind, error)
  if redis.call('SISMEMBER', KINDS, kind) == 0 then return end
  emit(kind, redis.call('HGET', 'rq:job:' .. ARGV[1], 'task'), 'job', ARGV[1], 'queue', ARGV[2],
    'started', ARGV[9], 'ended', ARGV[10], 'attempt', ARGV[11], 'error', error)
end

-- `definition` is the schedule's, as JSON.
local function emit_missed(schedule, definition, first, last, count, reason)
  if redis.call('SISMEMBER', KINDS, 'schedule.missed') == 0 then return end
  emit('schedule.missed', cjson.decode(definition).task,
    'schedule', schedule, 'first', first, 'last', last, 'count', count, 'reason', reason)
end
