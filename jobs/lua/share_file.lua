-- Say that a job names this file in its arguments: it stays for its time, also when the job that made it goes.
--
-- KEYS[1]  ns:file:<id>   hash
-- Returns 1, or 0 when there is no such file.

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('HSET', KEYS[1], 'shared', 1)
return 1
