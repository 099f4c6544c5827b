-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Note in the history how a tick's job ended.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  job

if redis.call('EXISTS', SCHEDULE) == 1 then
  settle(ARGV[2])
else
  redis.call('ZREM', OPEN, id .. ':' .. ARGV[2])
end
