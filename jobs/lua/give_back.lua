-- uses parts/place, parts/start
-- Take a batch from its horse: write down the start of the job that it runs, give back those behind it.
--
-- ARGV[1]  batch       ARGV[2]  '1' to act only when its time is over
-- ARGV[3]  id of the prefetched job that is being run, or ''           ARGV[4]  its execution
-- ARGV[5]  worker      ARGV[6]  now, as RQ writes times                ARGV[7]  lease (s)

local batch, id = ARGV[1], ARGV[3]

local function still_held()
  local due = redis.call('ZSCORE', 'ns:prefetched', batch)
  return due and tonumber(due) > tonumber(time[1])
end

local function write_down()
  if id == '' or redis.call('LREM', prefetched_in(batch), 1, id) == 0 then return end
  local fields = to_be_held(id, '', ARGV[6])
  if fields then mark_started(id, fields[ORIGIN], ARGV[4], ARGV[5], ARGV[6], fields, ARGV[7]) end
end

if ARGV[2] == '1' and still_held() then return end
write_down()
give_back(batch, ARGV[6])
