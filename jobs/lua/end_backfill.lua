-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Stop a backfill; what it has enqueued stays.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  actor
-- Returns 1 when there was one.

redis.call('ZREM', BACKFILLS, id)
if redis.call('DEL', BACKFILL) == 0 then return 0 end
audit(ARGV[2], 'schedule.end_backfill', id, '')
return 1
