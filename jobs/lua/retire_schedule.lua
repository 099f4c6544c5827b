-- uses parts/place, parts/accept, parts/schedule
-- Disable a schedule that the code no longer declares. It keeps its history, and its cursor should it come back.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  release, in the form that sorts     ARGV[3]  actor
-- Returns 1 when it did.

local id, release, actor = unpack(ARGV)
if release ~= '' and release < (redis.call('GET', 'ns:clock:release') or '') then return 0 end
if redis.call('EXISTS', SCHEDULE) == 0 or field('retired') == '1' then return 0 end
redis.call('HSET', SCHEDULE, 'retired', 1)
redis.call('HINCRBY', SCHEDULE, 'revision', 1)
redis.call('ZREM', DUE, id)
record('kind', 'retired', 'by', actor)
redis.call('XADD', 'ns:audit', 'MAXLEN', '~', 10000, '*', 'actor', actor, 'action', 'schedule.retire', 'subject', id)
return 1
