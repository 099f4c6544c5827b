-- uses parts/place, parts/accept, parts/audit, parts/schedule
-- Begin to enqueue the jobs of a range of past ticks again, one after the other.
--
-- Keys as in parts/schedule.
-- ARGV[1]  schedule                             ARGV[2]  position: the instant after which the range begins
-- ARGV[3]  end: the last instant of the range   ARGV[4]  milliseconds between two ticks
-- ARGV[5]  actor                                ARGV[6]  a name for this call, so that sending it twice is one backfill
-- Returns 'begun', 'busy' while another backfill of it is under way, or 'gone'.

local position, last, pace, actor, call = unpack(ARGV, 2)
if redis.call('EXISTS', SCHEDULE) == 0 then return 'gone' end
if redis.call('EXISTS', BACKFILL) == 1 then
  return redis.call('HGET', BACKFILL, 'call') == call and 'begun' or 'busy'
end
redis.call('HSET', BACKFILL, 'position', position, 'end', last, 'pace', pace, 'actor', actor, 'begun', text(now), 'enqueued', 0,
  'call', call)
redis.call('ZADD', BACKFILLS, text(now), id)
audit(actor, 'schedule.backfill', id, cjson.encode({after = position, ['end'] = last, pace = pace}))
return 'begun'
