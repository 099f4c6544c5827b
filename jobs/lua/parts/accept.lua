-- Part: store a new job and put its id where it waits. Needs place.lua.

local NOT_STARTED = {queued = true, scheduled = true, deferred = true}

-- The job that holds the key; with '!' before its id when it was asked for in other words.
local function keyed(key, fingerprint)
  local held = key ~= '' and redis.call('GET', 'ns:idem:' .. key)
  if not held then return false end
  local id, given = string.match(held, '^(%S+) ?(.*)$')
  return given == fingerprint and id or '!' .. id
end

local function existing(id, key, fingerprint)
  return redis.call('EXISTS', 'rq:job:' .. id) == 1 and id or keyed(key, fingerprint)
end

local function hold(key, fingerprint, id, life)
  if key ~= '' then redis.call('SET', 'ns:idem:' .. key, id .. ' ' .. fingerprint, 'NX', 'EX', life) end
end

-- The job that stands for all those like it; `scope` is started, done or window (jobs/uniqueness.py).
local function alike(unique, scope)
  local id = unique ~= '' and redis.call('GET', 'ns:unique:' .. unique)
  if not id or scope == 'window' then return id end
  local status = redis.pcall('HGET', 'rq:job:' .. id, 'status')
  return (NOT_STARTED[status] or scope == 'done' and status == 'started') and id
end

local function wait_for_worker(id, queue, due, priority)
  redis.call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  if due ~= '' then
    redis.call('ZADD', 'rq:scheduled:' .. queue, due, id)
  else
    put('RPUSH', id, queue, priority)
  end
end

-- Accept the job described from ARGV[at] on:
--   id, queue, created (ms, with fractions), due (unix seconds, or '' for now), idempotency key (or ''), the
--   fingerprint of what was asked, the key's life (s), what makes the job unique (or ''), the scope of that, its life (s),
--   n, then n fields and values; the last one is the priority if that is not normal
-- Returns its id, or that of the job which already holds its id, key or place, and the position after the description.
local function accept(at)
  local id, queue, created, due, key, fingerprint, life, unique, scope, held, n = unpack(ARGV, at, at + 10)
  local last = at + 10 + tonumber(n)
  local found = existing(id, key, fingerprint)
  if found then return found, last + 1 end
  found = alike(unique, scope)
  hold(key, fingerprint, found or id, life)
  if found then return found, last + 1 end
  redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, at + 11, last))
  redis.call('ZADD', 'ns:jobs', created, id)
  if unique ~= '' then redis.call('SET', 'ns:unique:' .. unique, id, 'EX', held) end
  wait_for_worker(id, queue, due, ARGV[last - 1] == 'priority' and ARGV[last])
  return id, last + 1
end
