-- uses parts/audit, parts/webhooks
-- Switch a webhook off, and say why.
--
-- KEYS[1]  ns:webhook:<id>   KEYS[2]  ns:webhooks   KEYS[3]  ns:webhooks:kinds
-- ARGV[1]  id                ARGV[2]  the reason
-- Returns 1; 0 when it was off already or is gone.

return switch_off(ARGV[1], ARGV[2], KEYS[2], KEYS[3]) and 1 or 0
