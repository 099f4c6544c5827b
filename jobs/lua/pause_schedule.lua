-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Pause a schedule: its ticks are kept back, undecided, until it is resumed.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  note     ARGV[3]  actor
-- Returns 'paused', also when it was; 'gone'.

if redis.call('EXISTS', SCHEDULE) == 0 then return 'gone' end
if field('paused') ~= '1' or field('note') ~= ARGV[2] then pause(ARGV[2], ARGV[3]) end
return 'paused'
