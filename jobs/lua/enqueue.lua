-- uses parts/lists, parts/accept
-- Accept jobs: write each record, and put its id where it waits. Sending the same call twice changes nothing.
--
-- KEYS[1]  rq:queues   set of all queues
-- KEYS[2]  ns:jobs     sorted set, id -> created (ms): the index of accepted jobs
-- KEYS[3]  ns:full     exists while the server has no memory to spare (jobs/pressure.py)
-- ARGV[1]  most jobs that may wait in a queue
-- ARGV[2]  how many kinds of jobs; then for each: how many jobs are of it, and the kind as in parts/accept
--          then for each job: the number of its kind, from 1, and itself as in parts/accept
-- Returns one id for each job: its own, or that of the job which already holds its key or place; only '#' and the name
-- of a queue that has no room, or only '%' when the server has none: then nothing was stored.

local MOST = tonumber(ARGV[1])
local kinds, waiting = {}, {}

if redis.call('EXISTS', KEYS[3]) == 1 then return {'%'} end

local at = 3
for number = 1, tonumber(ARGV[2]) do
  local count, kind = tonumber(ARGV[at])
  kind, at = kind_at(at + 1)
  local queue = kind.queue
  waiting[queue] = (waiting[queue] or how_many_wait(queue)) + count
  if waiting[queue] > MOST then return {'#' .. queue} end
  kinds[number] = kind
end

local ids = {}
while at <= #ARGV do
  ids[#ids + 1], at = accept(at + 1, kinds[tonumber(ARGV[at])])
  if string.sub(ids[#ids], 1, 1) == '!' then break end  -- a key that was used for something else: store no more
end
settle_in()
return ids
