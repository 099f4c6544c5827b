-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Write the definition of a schedule, new or changed; the cursor and a pause of a known one stay as they are.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule              ARGV[2]  revision as read, '' when it must not exist
-- ARGV[3]  cursor as read, or to begin with
-- ARGV[4]  since: the instant from which its rule holds
-- ARGV[5]  definition (JSON)     ARGV[6]  max_overlap (ms)
-- ARGV[7]  pause_after, or ''    ARGV[8]  source: code or runtime, '' to leave it
-- ARGV[9]  digest of the declaration in the code, or ''
-- ARGV[10] release that declares it, in the form that sorts; '' from a person
-- ARGV[11] when the next tick is due, '' when it is not armed
-- ARGV[12] actor                 ARGV[13] action
-- ARGV[14] a name for this call, so that sending it twice is one change
-- ARGV[15...18]  ticks that the old rule leaves behind: first, last, count and reason; absent when there are none
-- Returns 'saved', or with nothing changed: 'changed' (read it again), 'gone', 'exists', 'outdated' (a newer release
-- is in force).

local revision, cursor, since, definition, max_overlap, pause_after, source, digest, release, due, actor, action, call, first,
  last, count, reason = unpack(ARGV, 2)
local present, decided, written = unpack(redis.call('HMGET', SCHEDULE, 'revision', 'cursor', 'written'))

if written == call then return 'saved' end
if release ~= '' and release < (redis.call('GET', 'ns:clock:release') or '') then return 'outdated' end
if revision == '' and present then return 'exists' end
if revision ~= '' and not present then return 'gone' end
if present and (present ~= revision or decided ~= cursor) then return 'changed' end

if not present then
  redis.call('HSET', SCHEDULE, 'cursor', cursor, 'created', text(now), 'failures', 0)
  redis.call('ZADD', 'ns:schedules', 0, id)
  redis.call('PERSIST', HISTORY)
end
if first then record_missed(first, last, count, reason, actor) end
redis.call('HINCRBY', SCHEDULE, 'revision', 1)
redis.call('HSET', SCHEDULE, 'since', since, 'definition', definition, 'max_overlap', max_overlap,
  'pause_after', pause_after, 'changed', text(now), 'written', call)
if source ~= '' then redis.call('HSET', SCHEDULE, 'source', source) end
if digest ~= '' then
  redis.call('HSET', SCHEDULE, 'digest', digest)
  redis.call('HDEL', SCHEDULE, 'retired')
  redis.call('SADD', 'ns:schedules:code', id)
end
arm(held() and '' or due)
audit(actor, action, id, definition)
return 'saved'
