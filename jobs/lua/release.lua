-- uses parts/place, parts/start, parts/events, parts/settle
-- Put a job that we interrupted back at the front of its queue; the attempt does not count. A canceled one ends.
--
-- Keys, arguments and reply as in parts/settle; no own arguments.

local state = own()
give_back_rest()  -- first, for the interrupted job is to stand before them
if state == OWNED and not canceled() then
  redis.call('HSET', job, 'status', 'queued', 'ended_at', now)
  record_attempt(RETRIED)
  unspend_attempt()
  redis.call('HDEL', job, 'execution')
  to_front(id, queue)
end
return answer(state)
