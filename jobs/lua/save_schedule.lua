-- uses parts/place, parts/accept, parts/schedule
-- Write the definition of a schedule, new or changed; the cursor and a pause of a known one stay as they are.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule              ARGV[2]  revision as read, '' when it must not exist
-- ARGV[3]  cursor as read, or to begin with
-- ARGV[4]  since: the instant from which its rule holds
-- ARGV[5]  definition (JSON)     ARGV[6]  overlap
-- ARGV[7]  max_overlap (ms)      ARGV[8]  pause_after, or ''
-- ARGV[9]  source: code or runtime, '' to leave it
-- ARGV[10] digest of the declaration in the code, or ''
-- ARGV[11] release that declares it, in the form that sorts; '' from a person
-- ARGV[12] when the next tick is due, '' when it is not armed
-- ARGV[13] actor                 ARGV[14] action
-- Returns 'saved', or with nothing changed: 'changed' (read it again), 'gone', 'exists', 'outdated' (a newer release is in force).

local id, revision, cursor, since, definition, overlap, max_overlap, pause_after, source, digest, release, due, actor, action = unpack(ARGV)
local present, decided = unpack(redis.call('HMGET', SCHEDULE, 'revision', 'cursor'))

if release ~= '' and release < (redis.call('GET', 'ns:clock:release') or '') then return 'outdated' end
if revision == '' and present then return 'exists' end
if revision ~= '' and not present then return 'gone' end
if present and (present ~= revision or decided ~= cursor) then return 'changed' end

if not present then
  redis.call('HSET', SCHEDULE, 'cursor', cursor, 'created', text(now), 'failures', 0)
  redis.call('ZADD', 'ns:schedules', 0, id)
  redis.call('PERSIST', HISTORY)
end
redis.call('HINCRBY', SCHEDULE, 'revision', 1)
redis.call('HSET', SCHEDULE, 'since', since, 'definition', definition, 'overlap', overlap, 'max_overlap', max_overlap,
  'pause_after', pause_after, 'changed', text(now))
if source ~= '' then redis.call('HSET', SCHEDULE, 'source', source) end
if digest ~= '' then
  redis.call('HSET', SCHEDULE, 'digest', digest)
  redis.call('HDEL', SCHEDULE, 'retired')
  redis.call('SADD', 'ns:schedules:code', id)
end
if due == '' or held() then redis.call('ZREM', DUE, id) else redis.call('ZADD', DUE, due, id) end
redis.call('XADD', 'ns:audit', 'MAXLEN', '~', 10000, '*', 'actor', actor, 'action', action, 'subject', id, 'detail', definition)
return 'saved'
