-- Correct the time at which a schedule is looked at next; nothing is decided.
--
-- KEYS[1]  ns:schedule:<id>   KEYS[2]  ns:schedules:due
-- ARGV[1]  schedule           ARGV[2]  revision as read     ARGV[3]  cursor as read
-- ARGV[4]  when to look, '' for never
-- Returns 1 when it was corrected.

local revision, cursor = unpack(redis.call('HMGET', KEYS[1], 'revision', 'cursor'))
if (revision or '') ~= ARGV[2] or (cursor or '') ~= ARGV[3] then return 0 end
if ARGV[4] == '' then return redis.call('ZREM', KEYS[2], ARGV[1]) end
redis.call('ZADD', KEYS[2], ARGV[4], ARGV[1])
return 1
