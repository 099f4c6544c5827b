-- Read a few fields of many records at once, for a filter that few of them fit. It writes nothing.
--
-- KEYS     rq:job:<id> ...  as many as are looked at
-- ARGV     the names of fields
-- Returns a list for each record: its fields in this order, false for what it lacks; false for what is no record.

local seen = {}
for at, key in ipairs(KEYS) do
  local fields = redis.pcall('HMGET', key, unpack(ARGV))
  seen[at] = not fields.err and fields
end
return seen
