-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Enqueue the next tick of a backfill, or end it when there is none.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule                ARGV[2]  position of the backfill as read
-- ARGV[3]  tick, '' at the end     ARGV[4]  overlap
-- ARGV[5...]  the job, as in parts/accept
-- Returns the outcome: enqueued, existing (the tick's job is still there), ended, busy (its last job is active), or done
-- (another clock was faster).

local position, tick, overlap = unpack(ARGV, 2, 4)
local at, pace, actor = unpack(redis.call('HMGET', BACKFILL, 'position', 'pace', 'actor'))
local BUSY_PACE = 1000

if at ~= position then return 'done' end
if tick == '' then
  redis.call('DEL', BACKFILL)
  redis.call('ZREM', BACKFILLS, id)
  record('kind', 'backfilled', 'by', actor)
  return 'ended'
end
if overlap ~= 'allow' and last_state() then
  redis.call('ZADD', BACKFILLS, text(now + BUSY_PACE), id)
  return 'busy'
end
redis.call('HSET', BACKFILL, 'position', tick)
redis.call('ZADD', BACKFILLS, text(now + pace), id)
if redis.call('EXISTS', 'rq:job:' .. ARGV[5]) == 1 then return 'existing' end
redis.call('HINCRBY', BACKFILL, 'enqueued', 1)
record_tick(tick, 'enqueued', 'backfill', enqueue(5), actor, '')
return 'enqueued'
