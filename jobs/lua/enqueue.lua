-- uses parts/place, parts/accept
-- Accept jobs: write each record, and put its id where it waits. Sending the same call twice changes nothing.
--
-- KEYS[1]  rq:queues   set of all queues
-- KEYS[2]  ns:jobs     sorted set, id -> created (ms): the index of accepted jobs
-- KEYS[3]  ns:full     exists while the server has no memory to spare (jobs/pressure.py)
-- ARGV[1]  most jobs that may wait in a queue; then once for each job as in parts/accept
-- Returns one id for each job: its own, or that of the job which already holds its key or place; only '#' and the name
-- of a queue that has no room, or only '%' when the server has none: then nothing was stored.

local MOST = tonumber(ARGV[1])

local function queue_without_room()
  local more, at = {}, 2
  while at <= #ARGV do
    local queue = ARGV[at + 1]
    more[queue] = (more[queue] or how_many_wait(queue)) + 1
    if more[queue] > MOST then return queue end
    at = at + 11 + tonumber(ARGV[at + 10])
  end
end

if redis.call('EXISTS', KEYS[3]) == 1 then return {'%'} end
local full = queue_without_room()
if full then return {'#' .. full} end

local ids, at = {}, 2
while at <= #ARGV do
  ids[#ids + 1], at = accept(at)
  if string.sub(ids[#ids], 1, 1) == '!' then break end  -- a key that was used for something else: store no more
end
return ids
