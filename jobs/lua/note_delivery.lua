-- uses parts/audit, parts/webhooks
-- Note an attempt to deliver, and switch the webhook off when it is gone or has failed for too long.
--
-- KEYS[1]  ns:webhook:<id>   KEYS[2]  ns:webhook:<id>:deliveries   KEYS[3]  ns:webhooks   KEYS[4]  ns:webhooks:kinds
-- KEYS[5]  ns:webhook:<id>:waiting
-- ARGV[1]  id                ARGV[2]  delivered, failed or gone
-- ARGV[3]  how long it may fail (s)   ARGV[4]  how often it must have failed in that time
-- ARGV[5]  deliveries kept   ARGV[6]  the job if it is done with, else ''
-- ARGV[7...]  fields and values of this delivery
-- Returns the reason when this switched it off, else ''.

local HOOK, state, longest, least = KEYS[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local now = tonumber(redis.call('TIME')[1])

local function reason_to_stop()
  if state == 'gone' then return 'it answered 410 Gone' end
  local failures = redis.call('HINCRBY', HOOK, 'failures', 1)
  local since = tonumber(redis.call('HGET', HOOK, 'failing_since') or '')
  if not since then redis.call('HSET', HOOK, 'failing_since', now) end
  if not since or failures < least or now - since < longest then return '' end
  return 'it has failed ' .. failures .. ' times in a row'
end

if redis.call('EXISTS', HOOK) == 0 then return '' end
redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], '*', unpack(ARGV, 7))
if ARGV[6] ~= '' then redis.call('ZREM', KEYS[5], ARGV[6]) end
if state == 'delivered' then
  redis.call('HSET', HOOK, 'failures', 0, 'failing_since', '')
  return ''
end
local reason = reason_to_stop()
return reason ~= '' and switch_off(ARGV[1], reason, KEYS[3], KEYS[4]) and reason or ''
