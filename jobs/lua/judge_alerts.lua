-- Judge what the rules of alerts have seen: what is bad for long enough becomes an incident, what is good for long
-- enough ends one, and each of the two is told once, however many processes look.
--
-- KEYS[1]  ns:alerts   hash: rule|subject -> {bad, good, fired, text}, times in unix seconds
-- KEYS[2]  ns:alerts:outbox
-- ARGV[1]  how long bad must last (s)   ARGV[2]  how long good must last (s)
-- ARGV[3]  channels, separated by commas
-- ARGV[4...]  four for each reading: rule|subject, level (good, between, bad), text, '1' when bad need not last
-- Returns kind (fired, cleared), rule|subject and text of each change.

local STATE, OUTBOX, hold, patience, channels = KEYS[1], KEYS[2], tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local FORGOTTEN = 3600  -- seconds without a look, after which nobody knows any more whether it is still so
local time = redis.call('TIME')
local now = time[1] + time[2] / 1000000
local changes = {}

local function tell(kind, name, known)
  for _, part in ipairs({kind, name, known.text}) do changes[#changes + 1] = part end
  for channel in string.gmatch(channels, '[^,]+') do
    redis.call('XADD', OUTBOX, '*', 'channel', channel, 'kind', kind, 'name', name, 'text', known.text,
      'since', string.format('%.3f', known.fired))
  end
end

local function save(name, known)
  redis.call('HSET', STATE, name, cjson.encode(known))
end

local function bad(name, known, text, at_once)
  known.text, known.good, known.bad = text, nil, known.bad or now
  if not known.fired and (at_once or now - known.bad >= hold) then
    known.fired = now
    tell('fired', name, known)
  end
  save(name, known)
end

local function good(name, known)
  known.bad, known.good = nil, known.good or now
  if known.fired and now - known.good < patience then return save(name, known) end
  if known.fired then tell('cleared', name, known) end
  redis.call('HDEL', STATE, name)
end

-- Neither above the one mark nor below the other: an incident goes on, and what is none does not begin one.
local function between(name, known, text)
  if not known.fired then return redis.call('HDEL', STATE, name) end
  known.text, known.good = text, nil
  save(name, known)
end

local left = redis.call('HGETALL', STATE)
local states = {}
for at = 1, #left, 2 do states[left[at]] = cjson.decode(left[at + 1]) end

for at = 4, #ARGV, 4 do
  local name, level, text, at_once = unpack(ARGV, at, at + 3)
  local known = states[name] or {}
  states[name] = nil
  if level == 'bad' then
    bad(name, known, text, at_once == '1')
  elseif level == 'between' then
    between(name, known, text)
  else
    good(name, known)
  end
end
for name, known in pairs(states) do good(name, known) end
redis.call('EXPIRE', STATE, FORGOTTEN)
return changes
