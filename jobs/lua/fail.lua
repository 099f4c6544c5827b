-- uses parts/place, parts/start, parts/events, parts/settle
-- End a job as a dead letter (or as stopped by hand), and take the next one.
--
-- Keys, arguments and reply as in parts/settle; own arguments: 1 status, 2 error (JSON).

local state = own()
if state == OWNED and not canceled() then bury(argument(1), argument(2)) end
has_ended(state)
return answer(state)
