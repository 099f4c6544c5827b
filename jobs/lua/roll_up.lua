-- Add finished minutes of the counters to their hours and to the total, each minute once.
--
-- KEYS[1]  ns:stats:rolled   the last minute that was added      KEYS[2]  ns:stats:total   hash
-- ARGV[1]  most minutes to look at     ARGV[2]  most fields to add, about
-- ARGV[3]  how long a minute is kept (s)     ARGV[4]  how long an hour is kept (s)
-- Returns how many minutes are left to add.

-- A minute may still be written to by a server whose clock was set back a little.
local last = math.floor(redis.call('TIME')[1] / 60) - 2
local first = (tonumber(redis.call('GET', KEYS[1])) or last - ARGV[3] / 60) + 1
local fields = 0

local function add(minute)
  local key, hour = 'ns:stats:m:' .. minute, 'ns:stats:h:' .. math.floor(minute / 60)
  local counted = redis.call('HGETALL', key)
  if #counted == 0 then return end
  for at = 1, #counted, 2 do
    redis.call('HINCRBY', hour, counted[at], counted[at + 1])
    redis.call('HINCRBY', KEYS[2], counted[at], counted[at + 1])
  end
  redis.call('EXPIRE', key, ARGV[3])
  redis.call('EXPIRE', hour, ARGV[4])
  fields = fields + #counted / 2
end

local minute = first
while minute <= last and minute - first < tonumber(ARGV[1]) and fields < tonumber(ARGV[2]) do
  add(minute)
  minute = minute + 1
end
if minute > first then redis.call('SET', KEYS[1], minute - 1) end
return math.max(0, last - minute + 1)
