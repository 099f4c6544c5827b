-- uses parts/place, parts/accept, parts/audit, parts/events, parts/schedule
-- Record a range of ticks that will not run, with the reason, and move the schedule's cursor over it.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule             ARGV[2]  fence of the leader, '' from a standby
-- ARGV[3]  revision as read     ARGV[4]  cursor as read
-- ARGV[5]  last tick of it      ARGV[6]  when that is due
-- ARGV[7]  when the next one is due, '' when there is none
-- ARGV[8]  first tick of it     ARGV[9]  how many, '' when they were not counted
-- ARGV[10] reason               ARGV[11] name of the clock
-- Returns {'missed', reason}, or {refusal} as decide.lua.

local fence, revision, cursor, last, due, next_due, first, count, reason, by = unpack(ARGV, 2)

local no = refusal(fence, revision, cursor, due)
if no then return {no} end
if held() then return {'paused'} end
record_missed(first, last, count, reason, by)
redis.call('HINCRBY', SCHEDULE, 'missed', tonumber(count) or 1)
redis.call('XADD', 'ns:schedules:missed', 'MAXLEN', '~', 1000, '*', 'schedule', id, 'count', count, 'reason', reason)
emit_missed(id, field('definition'), first, last, count, reason)
advance(last, next_due, 'missed')
return {'missed', reason}
