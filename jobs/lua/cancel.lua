-- uses parts/canceled, parts/place, parts/cancel
-- Cancel a job that has not started; interrupt one that runs.
--
-- KEYS[1]  rq:job:<id>
-- ARGV[1]  id   ARGV[2]  now, as RQ writes times
-- Returns the status that the job had: it is canceled now if that was queued, scheduled or deferred, and will be in a
-- moment if that was started; nil if it is gone.

return cancel(ARGV[1], ARGV[2])
