-- Part: which events some active webhook asks for, so that the scripts which end jobs need to look at one set only.

-- `hooks` is ns:webhooks, `kinds` is ns:webhooks:kinds.
local function note_kinds(hooks, kinds)
  redis.call('DEL', kinds)
  for _, id in ipairs(redis.call('ZRANGE', hooks, 0, -1)) do
    local active, events = unpack(redis.call('HMGET', 'ns:webhook:' .. id, 'active', 'events'))
    if active == '1' then redis.call('SADD', kinds, unpack(cjson.decode(events))) end
  end
end
