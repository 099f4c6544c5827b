-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Disable a schedule that the code no longer declares. It keeps its history, and its cursor should it come back.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  release, in the form that sorts     ARGV[3]  actor
-- Returns 1 when it did.

local release, actor = ARGV[2], ARGV[3]
if release ~= '' and release < (redis.call('GET', 'ns:clock:release') or '') then return 0 end
if redis.call('EXISTS', SCHEDULE) == 0 or field('retired') == '1' then return 0 end
redis.call('HSET', SCHEDULE, 'retired', 1)
redis.call('HINCRBY', SCHEDULE, 'revision', 1)
arm('')
record('kind', 'retired', 'reason', 'the code no longer declares it', 'by', actor)
audit(actor, 'schedule.retire', id, '')
return 1
