-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Enqueue a schedule's job now, besides its ticks, unless its last job is active. The same job is never enqueued twice.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  overlap     ARGV[3]  actor
-- ARGV[4...]  the job, as in parts/accept
-- Returns {'enqueued', job}, {'busy', the active job} or {'gone'}.

local overlap, actor, job = ARGV[2], ARGV[3], ARGV[4]
if redis.call('EXISTS', SCHEDULE) == 0 then return {'gone'} end
if redis.call('EXISTS', 'rq:job:' .. job) == 1 then return {'enqueued', job} end
local state, active = last_state()
if state and overlap ~= 'allow' then return {'busy', active} end
enqueue(4)
record_tick(text(now), 'enqueued', 'run by hand', job, actor, '')
audit(actor, 'schedule.run', id, job)
return {'enqueued', job}
