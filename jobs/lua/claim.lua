-- uses parts/place, parts/start
-- Take the next job of several queues and start it. Sending the same call twice gives the same job.
--
-- KEYS[1..n]  rq:queue:<name>, rq:queue:<name>:<priority>  the lists, best first
-- ARGV[1]  execution, the fence of the new attempt     ARGV[2]  worker name
-- ARGV[3]  now, as RQ writes times                     ARGV[4]  lease (s)
-- ARGV[5]  '1' to start nothing, and give only what an earlier sending of this call has started
-- Returns {id, queue, fields, {}}, or nil when all queues are empty.

if ARGV[5] == '1' then return resumed(KEYS, ARGV[1], ARGV[3]) end
local started = resume_or_start(KEYS, ARGV[1], ARGV[2], ARGV[3], ARGV[4], 0)
-- Who was idle a moment ago wakes the next one, so that a batch enqueued with one token reaches every idle horse.
if started and how_many_wait(started[2]) > 0 then wake(started[2]) end
return started
