-- uses parts/place, parts/start, parts/events, parts/settle
-- Finish a job with its result, or several of one batch, and take the next one.
--
-- Keys, arguments and reply as in parts/settle; own argument: 1 '1' when an earlier attempt failed.

local function finish()
  local state = own()
  if state == OWNED then
    write_finish()
    if argument(1) == '1' then redis.call('HDEL', job, 'error') end
    record_attempt(SUCCESSFUL)
    emit_job('job.finished', '')
    keep_in('rq:finished:')
  end
  has_ended(state)
  return state
end

local states = {finish()}
while entry_end + 1 < #ARGV do
  look_at(entry_end + 2)
  states[#states + 1] = finish()
end
return answer(unpack(states))
