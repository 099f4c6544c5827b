-- uses parts/place, parts/accept, parts/schedule
-- Enqueue the tick that waited for the end of the job before it; while that runs on, ask again for it to stop if need be.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  tick that waits     ARGV[3]  overlap     ARGV[4]  name of the clock
-- ARGV[5...]  the job, as in parts/accept
-- Returns its id; false when it still waits, or waits no more.

local id, tick, overlap, by = unpack(ARGV, 1, 4)

if field('waiting') ~= tick then
  if not field('waiting') then redis.call('SREM', WAITING, id) end
  return false
end
local last = field('last_job')
if last then settle(id, last) end
if held() then return false end
local state, job = last_state()
if state then
  if overlap == 'replace' and state == 'started' then stop(job) end
  return false
end
redis.call('HDEL', SCHEDULE, 'waiting')
redis.call('SREM', WAITING, id)
local new = enqueue(5)
redis.call('HSET', SCHEDULE, 'last_outcome', 'enqueued')
record('kind', 'tick', 'tick', tick, 'outcome', 'enqueued', 'reason', 'after the job before it', 'job', new, 'by', by, 'late', text(now - tonumber(tick)))
return new
