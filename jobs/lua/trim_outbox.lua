-- uses parts/audit
-- Drop the oldest of too many events that wait for room, and say so.
--
-- KEYS[1]  ns:webhooks:outbox
-- ARGV[1]  most events that may wait; of more, nine tenths of that are left, so that one note tells of many
-- Returns how many were dropped.

local most = tonumber(ARGV[1])
if redis.call('XLEN', KEYS[1]) <= most then return 0 end

local function seconds_of_first()
  local first = redis.call('XRANGE', KEYS[1], '-', '+', 'COUNT', 1)[1]
  return first and tonumber(string.match(first[1], '^%d+')) / 1000
end

local since = seconds_of_first()
local dropped = redis.call('XTRIM', KEYS[1], 'MAXLEN', math.floor(most * 0.9))
audit('nightshift', 'webhook.drop', 'events that waited for room',
  cjson.encode({events = dropped, since = since, ['until'] = seconds_of_first()}))
return dropped
