-- uses parts/place, parts/accept
-- Accept jobs: write each record, and put its id where it waits. Sending the same call twice changes nothing.
--
-- KEYS[1]  rq:queues   set of all queues
-- KEYS[2]  ns:jobs     sorted set, id -> created (ms): the index of accepted jobs
-- ARGV     once for each job, as in parts/accept
-- Returns one id for each job: its own, or that of the job which already holds the idempotency key.

local ids, at = {}, 1
while at <= #ARGV do
  ids[#ids + 1], at = accept(at)
  if string.sub(ids[#ids], 1, 1) == '!' then break end  -- a key that was used for something else: store no more
end
return ids
