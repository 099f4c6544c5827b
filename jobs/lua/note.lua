-- Write fields into a started job's record, unless another execution has taken the job over.
--
-- KEYS[1]  rq:job:<id>   the record
-- ARGV[1]  execution id that must still be the job's, or '' under a worker of plain RQ
-- ARGV[2…] fields and values
-- Returns 1 when written, 0 when the job is no longer ours or is gone.

if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
if (redis.call('HGET', KEYS[1], 'execution') or '') ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 2))
return 1
