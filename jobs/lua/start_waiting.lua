-- uses parts/canceled, parts/place, parts/cancel, parts/accept, parts/audit, parts/schedule
-- Enqueue the tick that waited for the end of the job before it; while that runs on, ask again for it to stop if need be.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule     ARGV[2]  tick that waits     ARGV[3]  overlap     ARGV[4]  name of the clock
-- ARGV[5...]  the job, as in parts/accept
-- Returns its id; false when it still waits, or waits no more.

local tick, overlap, by = unpack(ARGV, 2, 4)

local waiting = field('waiting')
if not waiting then redis.call('SREM', WAITING, id) end
if waiting ~= tick then return false end
local last = field('last_job')
if last then settle(last) end
if held() then return false end
local state, job = last_state()
if state then
  if overlap == 'replace' and state == 'started' then cancel(job) end
  return false
end
redis.call('HDEL', SCHEDULE, 'waiting')
redis.call('SREM', WAITING, id)
local new = enqueue(5)
redis.call('HSET', SCHEDULE, 'last_outcome', 'enqueued')
record_tick(tick, 'enqueued', 'after the job before it', new, by, text(now - tonumber(tick)))
return new
