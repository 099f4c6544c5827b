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

local asked = {}

-- Whether some webhook asks for this kind of event; a script that settles many jobs looks once.
local function is_asked_for(kind)
  if asked[kind] == nil then asked[kind] = redis.call('SISMEMBER', KINDS, kind) == 1 end
  return asked[kind]
end

-- `definition` is the schedule's, as JSON.
local function emit_missed(schedule, definition, first, last, count, reason)
  if not is_asked_for('schedule.missed') then return end
  emit('schedule.missed', cjson.decode(definition).task,
    'schedule', schedule, 'first', first, 'last', last, 'count', count, 'reason', reason)
end
