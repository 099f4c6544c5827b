-- List running jobs whose lease has run out, and batches of prefetched ones: their horses are dead, or cut off from us.
--
-- KEYS[1]  rq:queues   set of all queues
-- ARGV[1]  most jobs to list of one queue
-- Returns queue, '<id>:<execution>', queue, '<id>:<execution>', ..., and '', '<batch>' for each batch

local now, found = redis.call('TIME')[1], {}
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1])) do
  local queue = string.sub(key, 10)
  for _, member in ipairs(redis.call('ZRANGEBYSCORE', 'rq:wip:' .. queue, '-inf', now, 'LIMIT', 0, ARGV[1])) do
    found[#found + 1] = queue
    found[#found + 1] = member
  end
end
for _, batch in ipairs(redis.call('ZRANGEBYSCORE', 'ns:prefetched', '-inf', now, 'LIMIT', 0, ARGV[1])) do
  found[#found + 1] = ''
  found[#found + 1] = batch
end
return found
