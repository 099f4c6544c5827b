-- Put the declarations of a release in force, unless those of a newer one are.
--
-- KEYS[1]  ns:clock:release
-- ARGV[1]  release, in the form that sorts
-- Returns 1 when this release is in force now.

local present = redis.call('GET', KEYS[1])
if present and ARGV[1] < present then return 0 end
redis.call('SET', KEYS[1], ARGV[1])
return 1
