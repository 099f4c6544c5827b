-- Part: remove a job with all that belongs to it: attempts, log, artifacts with their files, its places in the lists.
-- A file that another job was given stays for its time, so that a job which still waits finds it.

local function forget_files(id)
  local files = redis.pcall('HVALS', 'ns:artifacts:' .. id)
  for _, file in ipairs(files.err and {} or files) do
    local shared = redis.pcall('HGET', 'ns:file:' .. file, 'shared')
    if shared ~= '1' then redis.call('UNLINK', 'ns:file:' .. file, 'ns:file:' .. file .. ':data') end
  end
end

local function forget(id)
  local job = 'rq:job:' .. id
  forget_files(id)
  redis.call('UNLINK', job, job .. ':dependents', job .. ':dependencies', 'rq:results:' .. id, 'ns:log:' .. id,
    'ns:artifacts:' .. id)
  redis.call('ZREM', 'ns:jobs', id)
  redis.call('HDEL', 'ns:quarantine', id)
end
