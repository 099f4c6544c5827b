-- Part: store new jobs and put their ids where they wait. Needs lists.lua.
--
-- A job is described in two pieces, so that what many have in common is sent once (jobs/descriptions.py writes both):
--   itself:   id, created (ms, with fractions), created (as in the record), data, n, m, then n guards, then m fields and
--             values of the record
--   its kind: queue, priority, n, then n fields and values of the record
-- A job that is to run now and may have others like it has no guards, any other seven: due (unix seconds, or '' for now),
-- idempotency key (or ''), the fingerprint of what was asked, the key's life (s), what makes the job unique (or ''), the
-- scope of that, its life (s). A job that comes alone is followed by its kind.

-- The kind described from ARGV[at] on, and the position after it.
local function kind_at(at)
  local queue, priority, n = unpack(ARGV, at, at + 2)
  local after = at + 3 + tonumber(n)
  return {queue = queue, list = list_of(queue, priority), first = at + 3, last = after - 1}, after
end

-- The same for the kind that follows the job described from ARGV[at] on.
local function kind_after(at)
  return kind_at(at + 6 + tonumber(ARGV[at + 4]) + tonumber(ARGV[at + 5]))
end

-- The job that holds the key; with '!' before its id when it was asked for in other words.
local function keyed(key, fingerprint)
  local held = key ~= '' and redis.call('GET', 'ns:idem:' .. key)
  if not held then return false end
  local id, given = string.match(held, '^(%S+) ?(.*)$')
  return given == fingerprint and id or '!' .. id
end

local function hold(key, fingerprint, id, life)
  if key ~= '' then redis.call('SET', 'ns:idem:' .. key, id .. ' ' .. fingerprint, 'NX', 'EX', life) end
end

-- The job that stands for all those like it; `scope` is started, done or window (jobs/uniqueness.py).
local function alike(unique, scope)
  local id = unique ~= '' and redis.call('GET', 'ns:unique:' .. unique)
  if not id or scope == 'window' then return id end
  local status = redis.pcall('HGET', 'rq:job:' .. id, 'status')
  local has_started = not ({queued = true, scheduled = true, deferred = true})[status]
  return (not has_started or scope == 'done' and status == 'started') and id
end

-- The job that has the key or the place already; false when both are this one's from now on.
local function another(id, key, fingerprint, life, unique, scope, held)
  local found = keyed(key, fingerprint)
  if found then return found end
  found = alike(unique, scope)
  hold(key, fingerprint, found or id, life)
  if unique ~= '' and not found then redis.call('SET', 'ns:unique:' .. unique, id, 'EX', held) end
  return found
end

local function write_record(id, kind, due, created, data)
  local set = due ~= '' and 'created_at' or 'enqueued_at'  -- a delayed job is not enqueued yet: the same field twice
  redis.call('HSET', 'rq:job:' .. id, 'created_at', created, set, created, 'data', data,
    unpack(ARGV, kind.first, kind.last))
end

local pushed, indexed = {}, {}  -- what lists and the index are still to be told of stored jobs

local function wait_for_worker(id, kind, due)
  if due ~= '' then
    redis.call('SADD', 'rq:queues', 'rq:queue:' .. kind.queue)
    redis.call('ZADD', 'rq:scheduled:' .. kind.queue, due, id)
  else
    local ids = pushed[kind.list] or {queue = kind.queue}
    ids[#ids + 1], pushed[kind.list] = id, ids
  end
end

-- Store the job described from ARGV[at] on; `settle_in` must follow, once for all jobs.
-- Returns its id, or that of the job which already holds its id, key or place, and the position after the description.
local function accept(at, kind)
  local id, score, created, data, n, m = unpack(ARGV, at, at + 5)
  local guards, own = at + 6, at + 6 + tonumber(n)
  local after, due = own + tonumber(m), ''
  if redis.call('EXISTS', 'rq:job:' .. id) == 1 then return id, after end
  if own > guards then
    local found = another(id, unpack(ARGV, guards + 1, own - 1))
    if found then return found, after end
    due = ARGV[guards]
  end
  write_record(id, kind, due, created, data)
  if after > own then redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, own, after - 1)) end
  indexed[#indexed + 1] = score
  indexed[#indexed + 1] = id
  wait_for_worker(id, kind, due)
  return id, after
end

-- Put the ids of what was stored where they belong: one call for all, which is most of what a job of many costs.
local function settle_in()
  if #indexed > 0 then redis.call('ZADD', 'ns:jobs', unpack(indexed)) end
  for list, ids in pairs(pushed) do push('RPUSH', list, ids.queue, unpack(ids)) end
  pushed, indexed = {}, {}
end

-- Store the job described from ARGV[at] on and followed by its kind; returns what `accept` does.
local function accept_one(at)
  local found = accept(at, kind_after(at))
  settle_in()
  return found
end
