-- uses parts/audit, parts/webhooks
-- Store a webhook, or change one that is there.
--
-- KEYS[1]  ns:webhook:<id>   KEYS[2]  ns:webhooks   KEYS[3]  ns:webhooks:kinds
-- ARGV[1]  id                ARGV[2]  created (unix s), '' to change one
-- ARGV[3]  how many there may be
-- ARGV[4...]  fields and values
-- Returns 1; 0 when there is none to change, -1 when there are too many.

if ARGV[2] == '' then
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
else
  redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])  -- first, because this call may be sent twice
  if redis.call('ZCARD', KEYS[2]) > tonumber(ARGV[3]) then
    redis.call('ZREM', KEYS[2], ARGV[1])
    return -1
  end
end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
note_kinds(KEYS[2], KEYS[3])
return 1
