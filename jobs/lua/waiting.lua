-- uses parts/place
-- How many jobs wait in a queue, of all priorities; reads only.
--
-- KEYS[1]  rq:queue:<name>

return how_many_wait(queue_of(KEYS[1]))
