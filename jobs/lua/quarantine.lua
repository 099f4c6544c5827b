-- uses parts/place, parts/start, parts/events, parts/settle
-- End a job that cannot be run at all, as a dead letter that is also listed as quarantined, and take the next one.
--
-- Keys, arguments and reply as in parts/settle; own arguments: 1 error (JSON), 2 reason.

local state = own()
if state == OWNED and not canceled() then
  bury('failed', argument(1))
  redis.call('HSET', 'ns:quarantine', id, cjson.encode({reason = argument(2), queue = queue, at = now}))
end
has_ended(state)
return answer(state)
