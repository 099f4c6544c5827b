-- Renew the leases of running jobs.
--
-- ARGV[1]  lease (s), then for each job: its queue, '<id>:<execution>'
-- Returns those whose job was taken away meanwhile: their horses work for nothing.

local until_when = redis.call('TIME')[1] + ARGV[1]
local lost = {}
for at = 2, #ARGV, 2 do
  local wip, member = 'rq:wip:' .. ARGV[at], ARGV[at + 1]
  if redis.call('ZSCORE', wip, member) then
    redis.call('ZADD', wip, 'XX', until_when, member)
  else
    lost[#lost + 1] = member
  end
end
return lost
