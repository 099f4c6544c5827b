-- uses parts/place, parts/accept
-- Take events out of the outbox and store their deliveries, each event and its jobs in one step.
--
-- KEYS[1]  ns:webhooks:outbox   KEYS[2]  ns:full   KEYS[3]  rq:queue:<name> of the deliveries
-- ARGV[1]  most jobs that may wait in the queue; then for each event:
--   its entry, the number of its jobs, and the jobs as in parts/accept
-- Returns how many jobs were stored; -1, with nothing changed, when the server or the queue has no room.

if redis.call('EXISTS', KEYS[2]) == 1 or redis.call('LLEN', KEYS[3]) >= tonumber(ARGV[1]) then return -1 end

local stored, at = 0, 2
while at <= #ARGV do
  local ours, jobs = redis.call('XDEL', KEYS[1], ARGV[at]) == 1, tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, jobs do
    local _, after = kind_after(at)
    if ours then
      accept_one(at)
      stored = stored + 1
    end
    at = after
  end
end
return stored
