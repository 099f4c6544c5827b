-- Write fields into a started job's record, unless another execution has taken the job over.
--
-- KEYS[1]  rq:job:<id>   the record
-- ARGV[1]  execution id that must still be the job's, or '' under a worker of plain RQ
-- ARGV[2]  id                                                ARGV[3]  batch that it was prefetched in, or ''
-- ARGV[4…] fields and values
-- Returns 1 when written, 0 when the job is no longer ours or is gone.

local function is_ours()
  if (redis.call('HGET', KEYS[1], 'execution') or '') == ARGV[1] then return true end
  return ARGV[3] ~= '' and redis.call('LPOS', 'ns:prefetched:' .. ARGV[3], ARGV[2])
end

if redis.call('EXISTS', KEYS[1]) == 0 or not is_ours() then return 0 end
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
return 1
