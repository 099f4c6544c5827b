-- Name a file as an artifact of a job.
--
-- KEYS[1]  ns:artifacts:<id>   hash, name -> file
-- ARGV[1]  name   ARGV[2]  file   ARGV[3]  how long the artifacts are kept from now on (s)

redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
