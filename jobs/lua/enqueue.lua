-- Accept jobs: write each record, and put its id where it waits. Sending the same call twice changes nothing.
--
-- KEYS[1]  rq:queues                      set of all queues
-- KEYS[2]  ns:jobs                        sorted set, id -> created (ms, with fractions): the index of accepted jobs
-- ARGV, once for each job:
--   id, queue, created (ms), due (unix seconds, or '' for now), idempotency key (or ''), its life (s), n, then n fields and values
-- Returns one id for each job: its own, or that of the job which already holds the idempotency key.

local function existing(id, key)
  if redis.call('EXISTS', 'rq:job:' .. id) == 1 then return id end
  return key ~= '' and redis.call('GET', 'ns:idem:' .. key)
end

local function wake(queue)
  local idle = redis.call('ZPOPMAX', 'ns:idle:' .. queue)
  if idle[1] then
    redis.call('RPUSH', 'ns:wake:' .. idle[1], queue)
    redis.call('EXPIRE', 'ns:wake:' .. idle[1], 10)
  end
end

local function place(id, queue, due)
  redis.call('SADD', KEYS[1], 'rq:queue:' .. queue)
  if due ~= '' then
    redis.call('ZADD', 'rq:scheduled:' .. queue, due, id)
  else
    redis.call('RPUSH', 'rq:queue:' .. queue, id)
    wake(queue)
  end
end

local ids, at = {}, 1
while at <= #ARGV do
  local id, queue, created, due, key, life, n = unpack(ARGV, at, at + 6)
  n = tonumber(n)
  local found = existing(id, key)
  if not found then
    redis.call('HSET', 'rq:job:' .. id, unpack(ARGV, at + 7, at + 6 + n))
    redis.call('ZADD', KEYS[2], created, id)
    if key ~= '' then redis.call('SET', 'ns:idem:' .. key, id, 'EX', life) end
    place(id, queue, due)
  end
  ids[#ids + 1] = found or id
  at = at + 7 + n
end
return ids
