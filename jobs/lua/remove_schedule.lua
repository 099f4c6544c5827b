-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Delete a schedule that no code declares. Its history is kept for a while.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  revision as read, '' for any     ARGV[3]  actor     ARGV[4]  how long the history is kept (s)
-- Returns 'removed', 'gone', 'changed', or 'code' when the code declares it.

local revision, actor, kept = ARGV[2], ARGV[3], ARGV[4]
local present, source, retired = unpack(redis.call('HMGET', SCHEDULE, 'revision', 'source', 'retired'))

if not present then return 'gone' end
if revision ~= '' and present ~= revision then return 'changed' end
if source == 'code' and retired ~= '1' then return 'code' end
arm('')
redis.call('DEL', SCHEDULE, BACKFILL)
redis.call('ZREM', 'ns:schedules', id)
redis.call('ZREM', BACKFILLS, id)
redis.call('SREM', WAITING, id)
redis.call('SREM', 'ns:schedules:code', id)
record('kind', 'removed', 'by', actor)
redis.call('EXPIRE', HISTORY, kept)
audit(actor, 'schedule.remove', id, '')
return 'removed'
