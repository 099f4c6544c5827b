-- Part: the state of a webhook. Needs audit.lua.
--
-- Which events some active webhook asks for is kept in one set, the only thing that scripts which end jobs look at.

-- `hooks` is ns:webhooks, `kinds` is ns:webhooks:kinds.
local function note_kinds(hooks, kinds)
  redis.call('DEL', kinds)
  for _, id in ipairs(redis.call('ZRANGE', hooks, 0, -1)) do
    local active, events = unpack(redis.call('HMGET', 'ns:webhook:' .. id, 'active', 'events'))
    if active == '1' then redis.call('SADD', kinds, unpack(cjson.decode(events))) end
  end
end

-- False when it was off already.
local function switch_off(id, reason, hooks, kinds)
  local hook = 'ns:webhook:' .. id
  if redis.call('HGET', hook, 'active') ~= '1' then return false end
  redis.call('HSET', hook, 'active', 0, 'disabled_because', reason)
  audit('webhooks', 'webhook.disable', id, cjson.encode({reason = reason}))
  note_kinds(hooks, kinds)
  return true
end
