-- uses parts/audit, parts/webhooks
-- Remove a webhook and its deliveries.
--
-- KEYS[1]  ns:webhook:<id>   KEYS[2]  ns:webhook:<id>:deliveries   KEYS[3]  ns:webhooks   KEYS[4]  ns:webhooks:kinds
-- KEYS[5]  ns:webhook:<id>:waiting
-- ARGV[1]  id
-- Returns 1; 0 when there was none.

redis.call('DEL', KEYS[2], KEYS[5])
redis.call('ZREM', KEYS[3], ARGV[1])
local removed = redis.call('DEL', KEYS[1])
note_kinds(KEYS[3], KEYS[4])
return removed
