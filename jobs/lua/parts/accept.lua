-- Part: store a new job and put its id where it waits. Needs place.lua.

local function existing(id, key)
  if redis.call('EXISTS', 'rq:job:' .. id) == 1 then return id end
  return key ~= '' and redis.call('GET', 'ns:idem:' .. key)
end

local function wait_for_worker(id, queue, due)
  redis.call('SADD', 'rq:queues', 'rq:queue:' .. queue)
  if due ~= '' then
    redis.call('ZADD', 'rq:scheduled:' .. queue, due, id)
  else
    to_back(id, queue)
  end
end

-- Accept the job described from ARGV[at] on:
--   id, queue, created (ms, with fractions), due (unix seconds, or '' for now), idempotency key (or ''), its life (s), n,
--   then n fields and values
-- Returns its id, or that of the job which already holds its id or key, and the position after the description.
local function accept(at)
  local id, queue, created, due, key, life, n = unpack(ARGV, at, at + 6)
  local last = at + 6 + tonumber(n)
  local found = existing(id, key)
  if found then return found, last + 1 end
  redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, at + 7, last))
  redis.call('ZADD', 'ns:jobs', created, id)
  if key ~= '' then redis.call('SET', 'ns:idem:' .. key, id, 'EX', life) end
  wait_for_worker(id, queue, due)
  return id, last + 1
end
