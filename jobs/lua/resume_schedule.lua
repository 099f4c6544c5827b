-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- End a pause. The ticks kept back are decided now, as late ones, or are recorded as missed.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule              ARGV[2]  revision as read     ARGV[3]  cursor as read
-- ARGV[4]  when the next tick is due, '' when it is not armed
-- ARGV[5]  actor                 ARGV[6]  how: 'with catch-up' or 'without catch-up'
-- ARGV[7...10]  the ticks that are missed: first, last, count and reason; absent when there are none
-- Returns 'resumed', also when it was not paused; 'changed' (read it again); 'gone'.

local revision, cursor, due, actor, how, first, last, count, reason = unpack(ARGV, 2)
local present, decided, paused = unpack(redis.call('HMGET', SCHEDULE, 'revision', 'cursor', 'paused'))

if not present then return 'gone' end
if paused ~= '1' then return 'resumed' end
if present ~= revision or decided ~= cursor then return 'changed' end
redis.call('HDEL', SCHEDULE, 'paused', 'paused_at', 'note')
redis.call('HSET', SCHEDULE, 'failures', 0)
record('kind', 'resumed', 'reason', how, 'by', actor)
if first then
  record_missed(first, last, count, reason, actor)
  advance(last, due, 'missed')
end
arm(held() and '' or due)
audit(actor, 'schedule.resume', id, how)
return 'resumed'
